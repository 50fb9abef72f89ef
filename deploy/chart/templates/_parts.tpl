{{- define "ltc.pod" -}}
# Kubernetes would add LTC_… variables of its own for services so named, and ours refuse those.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65534
  runAsGroup: 65534
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - {name: tmp, emptyDir: {sizeLimit: 64Mi}}
  {{- with .root.Values.authorities }}
  - {name: authorities, configMap: {name: {{ . }}}}
  {{- end }}
{{- end }}

{{- define "ltc.container" -}}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources: {{- toYaml .s.resources | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- if .root.Values.authorities }}
  - {name: authorities, mountPath: /etc/ltc/authorities, readOnly: true}
  {{- end }}
env:
  - {name: LTC_ENVIRONMENT, value: production}
  - {name: LTC_HTTP_HOST, value: 0.0.0.0}
  - {name: LTC_HTTP_PORT, value: "8000"}
  - {name: LTC_KAFKA_BOOTSTRAP, value: {{ .root.Values.kafka.bootstrap | quote }}}
  - {name: LTC_KAFKA_SECURITY_PROTOCOL, value: {{ .root.Values.kafka.securityProtocol }}}
  {{- if hasPrefix "SASL" .root.Values.kafka.securityProtocol }}
  - {name: LTC_KAFKA_USERNAME, value: {{ .full }}}
  - {name: LTC_KAFKA_PASSWORD, valueFrom: {secretKeyRef: {name: {{ .secret }}, key: LTC_KAFKA_PASSWORD}}}
  {{- end }}
  {{- if .root.Values.authorities }}
  {{- if hasSuffix "SSL" .root.Values.kafka.securityProtocol }}
  - {name: LTC_KAFKA_CA_FILE, value: /etc/ltc/authorities/kafka.pem}
  {{- end }}
  - {name: PGSSLROOTCERT, value: /etc/ltc/authorities/postgres.pem}
  {{- end }}
  - {name: LTC_OIDC_ISSUER, value: {{ .root.Values.oidc.issuer | quote }}}
  - {name: LTC_OIDC_JWKS_URL, value: {{ .root.Values.oidc.jwksUrl | quote }}}
  {{- with .root.Values.ingress.trustedProxies }}
  - {name: LTC_TRUSTED_PROXIES, value: {{ . | quote }}}
  {{- end }}
  {{- with .root.Values.otlp.endpoint }}
  - {name: LTC_OTLP_ENDPOINT, value: {{ . | quote }}}
  {{- end }}
  {{- with .urls }}
  - {name: LTC_SERVICE_URLS, value: {{ . | quote }}}
  - {name: LTC_OIDC_CLIENT_SECRET, valueFrom: {secretKeyRef: {name: {{ $.secret }}, key: LTC_OIDC_CLIENT_SECRET, optional: true}}}
  {{- end }}
  {{- range $name, $value := .s.env }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
  {{- range .keys }}
  - {name: {{ . }}, valueFrom: {secretKeyRef: {name: {{ $.secret }}, key: {{ . }}}}}
  {{- end }}
{{- end }}
