import { MultiSelect, Switch, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useHub, type Subscriber } from "../../api/hub";
import { STAGES } from "../../api/types";
import { ActDialog } from "../../ui/ActDialog";

/** The whole grant anew: which stages, and whether what schemas mark as personal. */
export function GrantDialog({ grant, onClose }: { grant: Subscriber; onClose: () => void }) {
  const { t } = useTranslation();
  const hub = useHub();
  const [name, setName] = useState(grant.name);
  const [personal, setPersonal] = useState(grant.personal);
  const [stages, setStages] = useState<string[]>(grant.stages ?? []);
  return (
    <ActDialog
      opened
      onClose={onClose}
      title={t("subscribers.grant")}
      text={t("subscribers.grantText")}
      submit={t("subscribers.save")}
      done={t("subscribers.saved")}
      ready={Boolean(name.trim())}
      run={(reason) =>
        hub.mutateAsync({
          path: `subscribers/${encodeURIComponent(name.trim())}`,
          method: "PUT",
          body: { personal, stages: stages.length ? stages : null, reason },
        })
      }
    >
      <TextInput
        label={t("subscribers.name")}
        required
        disabled={grant.name !== ""}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <MultiSelect
        label={t("subscribers.stages")}
        description={t("subscribers.stagesText")}
        data={STAGES.map((stage) => ({ value: stage, label: t(`stage.${stage}`) }))}
        value={stages}
        onChange={setStages}
      />
      <Switch
        label={t("subscribers.personalText")}
        checked={personal}
        onChange={(event) => setPersonal(event.currentTarget.checked)}
      />
    </ActDialog>
  );
}
