"""The Helm chart: rendered by Helm's engine, linted, checked against Kubernetes' schemas."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
import yaml

from chassis.settings import VARIABLES
from ltc.settings import PROJECT, SERVICES, SUBSCRIBERS

CHART = PROJECT / "deploy" / "chart"
KUBERNETES = "1.33"
NAMES = SERVICES
KINDS = [
    "Deployment", "HorizontalPodAutoscaler", "Job", "NetworkPolicy", "PodDisruptionBudget",
    "Service", "ServiceAccount",
]  # fmt: skip


def full(name: str) -> str:
    return name if name in SUBSCRIBERS else f"{name}-svc"


def package(name: str) -> str:
    return name if name in SUBSCRIBERS else f"{name}_svc"


def values(*names: str, **changes: Any) -> dict[str, Any]:
    """The values files of the services, as `helm -f` would merge them."""
    files = [CHART / "values" / f"{name}.yaml" for name in names]
    services: dict[str, Any] = {}
    for file in files:
        services |= yaml.safe_load(file.read_text(encoding="utf-8"))["services"]
    return {"services": services, **changes}


def rendered(chart: Path, given: dict[str, Any]) -> list[dict[str, Any]]:
    with helm.Chart.load(str(chart)) as loaded:
        files = loaded.render(given, name="ltc", namespace="ltc", is_install=True)
    documents = [d for text in files.values() for d in yaml.safe_load_all(text) if d]
    return [document for document in documents if isinstance(document, dict)]


def complaints(chart: Path, given: dict[str, Any]) -> list[str]:
    """What Helm's linter and Kubernetes' schemas say of what is rendered."""
    report = helm.lint(str(chart), given, strict=True)
    found = [m["error"] for m in report["messages"] if m["severity"] > 1]
    for document in rendered(chart, given):
        if document["kind"] == "ScaledObject":
            continue  # KEDA's own; no schema of Kubernetes
        try:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{document['kind']} {document['metadata']['name']}: {error}")
    return found


def of_kind(documents: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [document for document in documents if document["kind"] == kind]


@pytest.mark.parametrize("name", NAMES)
def test_chart_renders_one_service_alone(name: str) -> None:
    documents = rendered(CHART, values(name))

    assert sorted(document["kind"] for document in documents) == KINDS
    assert {d["metadata"]["labels"]["app.kubernetes.io/name"] for d in documents} == {full(name)}
    assert complaints(CHART, values(name)) == []


def test_chart_renders_all_services_together() -> None:
    assert len(rendered(CHART, values(*NAMES))) == len(NAMES) * len(KINDS)
    assert complaints(CHART, values(*NAMES)) == []


def test_chart_renders_nothing_by_default() -> None:
    assert rendered(CHART, {}) == []


@pytest.mark.parametrize("name", NAMES)
def test_chart_versions_and_topics_match_the_code(name: str) -> None:
    given = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["services"][name]
    consumer = importlib.import_module(f"{package(name)}.main").service.consumer

    assert given["version"] == importlib.import_module(package(name)).__version__
    assert given["hears"] == consumer.topics
    assert consumer.group == full(name)


def containers(documents: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    pods = [d["spec"]["template"]["spec"] for d in documents if d["kind"] in ("Deployment", "Job")]
    return [(pod, container) for pod in pods for container in pod["containers"]]


def test_chart_containers_are_confined_and_have_known_variables() -> None:
    found = containers(rendered(CHART, values(*NAMES)))

    assert len(found) == 2 * len(NAMES)
    for pod, container in found:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert {variable["name"] for variable in container["env"]} <= VARIABLES
        secrets = {v["name"] for v in container["env"] if "valueFrom" in v}
        migrates = container["args"][1] == "migrate"
        owner = {"LTC_DATABASE_OWNER_URL"} if migrates else set()
        client = {"LTC_OIDC_CLIENT_SECRET"} if container["args"][0] == "ltc-console" else set()
        assert secrets == {"LTC_DATABASE_URL", "LTC_LINK_SECRET"} | owner | client


def test_chart_service_uses_its_own_kafka_principal() -> None:
    given = values("quote", kafka={"securityProtocol": "SASL_SSL"}, authorities="authorities")
    found = containers(rendered(CHART, given))

    assert complaints(CHART, given) == []
    assert len(found) == 2
    for pod, container in found:
        variables = {v["name"]: v for v in container["env"]}
        assert variables["LTC_KAFKA_SECURITY_PROTOCOL"]["value"] == "SASL_SSL"
        assert variables["LTC_KAFKA_USERNAME"]["value"] == "quote-svc"
        assert variables["LTC_KAFKA_PASSWORD"]["valueFrom"]["secretKeyRef"]["name"] == "quote-svc"
        files = {variables[name]["value"] for name in ("LTC_KAFKA_CA_FILE", "PGSSLROOTCERT")}
        [mount] = [m for m in container["volumeMounts"] if m["name"] == "authorities"]
        assert {file.rpartition("/")[0] for file in files} == {mount["mountPath"]}
        assert {"name": "authorities", "configMap": {"name": "authorities"}} in pod["volumes"]


def test_chart_runs_the_migration_before_the_new_version() -> None:
    [job] = of_kind(rendered(CHART, values("quote")), "Job")
    [container] = job["spec"]["template"]["spec"]["containers"]

    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert container["args"] == ["quote-svc", "migrate"]


NAMED = "app.kubernetes.io/name"
OTHERS = sorted(full(name) for name in NAMES if name != "console")


def named(policy: dict[str, Any], way: str) -> dict[str, int]:
    """The pods that a policy names one by one, and at which port."""
    side, end = ("ingress", "from") if way == "in" else ("egress", "to")
    found: dict[str, int] = {}
    for rule in policy["spec"][side]:
        port = rule["ports"][0]["port"]
        for peer in rule[end]:
            selector = peer.get("podSelector", {})
            names = [selector["matchLabels"][NAMED]] if "matchLabels" in selector else []
            for expression in selector.get("matchExpressions", []):
                assert (expression["key"], expression["operator"]) == (NAMED, "In")
                names += expression["values"]
            found |= dict.fromkeys(names, port)
    return found


def test_chart_network_policies_allow_only_the_console_to_reach_services() -> None:
    policies = of_kind(rendered(CHART, values(*NAMES)), "NetworkPolicy")

    assert len(policies) == len(NAMES)
    for policy in policies:
        ports = {p["port"] for rule in policy["spec"]["egress"] for p in rule["ports"]}
        asks = policy["metadata"]["name"] == "console"
        assert ports == {53, 5432, 9092, 443} | ({8000} if asks else set())
        assert named(policy, "out") == (dict.fromkeys(OTHERS, 8000) if asks else {})
        assert named(policy, "in") == ({} if asks else {"console": 8000})


def test_chart_console_addresses_services_of_other_releases() -> None:
    documents = rendered(CHART, values("console"))
    for _, container in containers(documents):
        variables = {v["name"]: v for v in container["env"]}
        urls = dict(u.split("=") for u in variables["LTC_SERVICE_URLS"]["value"].split(","))
        assert urls == {name: f"http://{full(name)}" for name in NAMES if name != "console"}
        key = variables["LTC_OIDC_CLIENT_SECRET"]["valueFrom"]["secretKeyRef"]
        assert (key["name"], key["optional"]) == ("console", True)
    services = of_kind(rendered(CHART, values(*NAMES)), "Service")
    assert {s["metadata"]["name"] for s in services} == {*OTHERS, "console"}
    assert all(s["spec"]["ports"][0]["port"] == 80 for s in services)
    alone = containers(rendered(CHART, values("quote")))
    assert not any(v["name"] == "LTC_SERVICE_URLS" for _, c in alone for v in c["env"])


def test_chart_scales_by_lag_where_keda_is_installed() -> None:
    given = values("contract", defaults={"autoscale": {"by": "keda"}})
    documents = rendered(CHART, given)
    [scaled] = of_kind(documents, "ScaledObject")

    assert of_kind(documents, "HorizontalPodAutoscaler") == []
    assert [t["metadata"]["topic"] for t in scaled["spec"]["triggers"]] == [
        "ltc.billing.v1", "ltc.deal.v1", "ltc.order.v1", "ltc.quote.v1",
    ]  # fmt: skip


def test_chart_refuses_a_service_without_its_secret() -> None:
    with pytest.raises(helm.HelmError, match=r"services\.quote\.secret is missing"):
        rendered(CHART, {"services": {"quote": {"enabled": True}}})


GRACE = "terminationGracePeriodSeconds: "
SELECTOR = "  selector:\n    matchLabels: {{- toYaml $selector | nindent 6 }}\n  strategy"
PROBE = "startupProbe:\n            httpGet"
PLANTED = {
    "a misspelt field": ("backoffLimit: 5", "backofLimit: 5"),
    "a wrong type": (f"{GRACE}30", f"{GRACE}soon"),
    "a broken template": ("{{- if $own.enabled }}", "{{- if $own.enabled "),
    "a lost selector": (SELECTOR, "  strategy"),
    "a probe of no kind": (f"{PROBE}:", f"{PROBE}t:"),
}


@pytest.mark.parametrize(("good", "bad"), PLANTED.values(), ids=PLANTED)
def test_chart_checks_find_a_planted_mistake(tmp_path: Path, good: str, bad: str) -> None:
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    template = chart / "templates" / "service.yaml"
    text = template.read_text(encoding="utf-8")
    assert text.count(good) == 1
    template.write_text(text.replace(good, bad), encoding="utf-8")

    try:
        found = complaints(chart, values("quote"))
    except helm.HelmError as error:
        found = [str(error)]

    assert found != []
