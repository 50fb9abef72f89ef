import { MultiSelect, Select, Switch, TagsInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useHub, type NewEndpoint, type NewSecret } from "../../api/hub";
import { STAGES } from "../../api/types";
import { ActDialog } from "../../ui/ActDialog";

const BLANK = {
  url: "",
  description: "",
  types: [] as string[],
  stages: [] as string[],
  ordered: true,
  signature: "hmac",
};

export function NewEndpointDialog({
  opened,
  onClose,
  onMade,
}: {
  opened: boolean;
  onClose: () => void;
  onMade: (secret: NewSecret) => void;
}) {
  const { t } = useTranslation();
  const hub = useHub<NewEndpoint>();
  const [form, setForm] = useState(BLANK);
  const set = (change: Partial<typeof BLANK>) => setForm({ ...form, ...change });
  return (
    <ActDialog
      opened={opened}
      onClose={onClose}
      title={t("webhooks.new")}
      submit={t("webhooks.create")}
      withReason={false}
      ready={/^https?:\/\/./.test(form.url)}
      run={async () => {
        const { types, stages, ...rest } = form;
        const made = await hub.mutateAsync({
          path: "endpoints",
          body: { ...rest, filter: { types, stages } },
        });
        setForm(BLANK);
        onMade(made.secret);
      }}
    >
      <TextInput
        label={t("webhooks.url")}
        type="url"
        required
        data-autofocus
        placeholder="https://"
        value={form.url}
        onChange={(event) => set({ url: event.currentTarget.value })}
      />
      <TextInput
        label={t("webhooks.description")}
        value={form.description}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
      <TagsInput
        label={t("webhooks.types")}
        description={t("webhooks.typesText")}
        value={form.types}
        onChange={(types) => set({ types })}
      />
      <MultiSelect
        label={t("webhooks.stages")}
        data={STAGES.map((stage) => ({ value: stage, label: t(`stage.${stage}`) }))}
        value={form.stages}
        onChange={(stages) => set({ stages })}
      />
      <Select
        label={t("webhooks.signature")}
        data={[
          { value: "hmac", label: t("webhooks.hmac") },
          { value: "ed25519", label: "Ed25519" },
        ]}
        allowDeselect={false}
        value={form.signature}
        onChange={(signature) => signature && set({ signature })}
      />
      <Switch
        label={t("webhooks.ordered")}
        checked={form.ordered}
        onChange={(event) => set({ ordered: event.currentTarget.checked })}
      />
    </ActDialog>
  );
}
