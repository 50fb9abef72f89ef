import { Button, NumberInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useHub, type Endpoint, type NewSecret } from "../../api/hub";
import { Refused } from "../../api/client";
import { ActDialog } from "../../ui/ActDialog";
import { ReplayDialog } from "./ReplayDialog";
import { SecretDialog } from "./SecretDialog";

type Verb = "rotate" | "replay" | "remove";

export function EndpointActs({ endpoint }: { endpoint: Endpoint }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const hub = useHub();
  const rotation = useHub<NewSecret>();
  const [verb, setVerb] = useState<Verb | null>(null);
  const [overlap, setOverlap] = useState<number | string>(24);
  const [secret, setSecret] = useState<NewSecret | null>(null);
  const path = `endpoints/${endpoint.id}`;
  const close = () => setVerb(null);
  const now = (what: "test" | "enable") =>
    hub.mutate(
      { path: `${path}/${what}`, body: what === "test" ? {} : undefined },
      {
        onSuccess: () => notifications.show({ message: t(`webhooks.${what}Done`), color: "teal" }),
        onError: (error) =>
          notifications.show({
            message: error instanceof Refused ? error.message : t("error.unreachable"),
            color: "red",
          }),
      },
    );
  return (
    <>
      {endpoint.status === "disabled" && (
        <Button size="xs" onClick={() => now("enable")}>
          {t("webhooks.enable")}
        </Button>
      )}
      <Button size="xs" variant="default" onClick={() => now("test")}>
        {t("webhooks.test")}
      </Button>
      {(["replay", "rotate", "remove"] as const).map((name) => (
        <Button key={name} size="xs" variant="default" onClick={() => setVerb(name)}>
          {t(`webhooks.${name}`)}
        </Button>
      ))}
      <ActDialog
        opened={verb === "rotate"}
        onClose={close}
        title={t("webhooks.rotate")}
        text={t("webhooks.rotateText")}
        submit={t("webhooks.rotate")}
        withReason={false}
        run={async () =>
          setSecret(
            await rotation.mutateAsync({
              path: `${path}/secret/rotate`,
              body: { overlap_hours: Number(overlap) },
            }),
          )
        }
      >
        <NumberInput
          label={t("webhooks.overlap")}
          min={0}
          max={168}
          value={overlap}
          onChange={setOverlap}
        />
      </ActDialog>
      <ReplayDialog endpointId={endpoint.id} opened={verb === "replay"} onClose={close} />
      <ActDialog
        opened={verb === "remove"}
        onClose={close}
        title={t("webhooks.remove")}
        text={t("webhooks.removeText", { url: endpoint.url })}
        submit={t("webhooks.remove")}
        withReason={false}
        danger
        run={async () => {
          await hub.mutateAsync({ path, method: "DELETE" });
          await navigate({ to: "/webhooks" });
        }}
      />
      <SecretDialog secret={secret} onClose={() => setSecret(null)} />
    </>
  );
}
