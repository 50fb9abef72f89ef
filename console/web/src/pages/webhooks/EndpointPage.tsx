import { Alert, Group, Text } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { useEndpoint } from "../../api/hub";
import { Asked } from "../../ui/Asked";
import { PageHead } from "../../ui/PageHead";
import { When } from "../../ui/When";
import { Deliveries } from "./Deliveries";
import { EndpointActs } from "./EndpointActs";
import { Replays } from "./Replays";
import { EndpointState } from "./WebhooksPage";

export default function EndpointPage() {
  const { t } = useTranslation();
  const { id } = useParams({ from: "/webhooks/$id" });
  const answer = useEndpoint(id);
  return (
    <Asked answer={answer}>
      {(endpoint) => (
        <>
          <PageHead title={endpoint.url} about={endpoint.description}>
            <EndpointActs endpoint={endpoint} />
          </PageHead>
          <Group gap="md" mb="sm">
            <EndpointState endpoint={endpoint} />
            <Text size="sm">
              {t("webhooks.subscriber")}: {endpoint.subscriber}
            </Text>
            <Text size="sm">
              {t("webhooks.pending")}: {endpoint.backlog.pending}
            </Text>
            {endpoint.failing_since && (
              <Text size="sm" className="late">
                {t("webhooks.failingSince")} <When at={endpoint.failing_since} />
              </Text>
            )}
            {endpoint.quiet_until && new Date(endpoint.quiet_until) > new Date() && (
              <Text size="sm">
                {t("webhooks.quietUntil")} <When at={endpoint.quiet_until} />
              </Text>
            )}
            {endpoint.secrets.map((secret) => (
              <Text size="sm" key={secret.id}>
                {t("webhooks.secret", { kind: secret.signature })}{" "}
                {secret.expires_at ? (
                  <>
                    {t("webhooks.until")} <When at={secret.expires_at} />
                  </>
                ) : (
                  <When at={secret.created_at} />
                )}
              </Text>
            ))}
          </Group>
          {endpoint.notice && (
            <Alert variant="default" className="notice" mb="sm" color="orange">
              {endpoint.notice}
            </Alert>
          )}
          <Replays endpointId={id} />
          <Deliveries endpointId={id} />
        </>
      )}
    </Asked>
  );
}
