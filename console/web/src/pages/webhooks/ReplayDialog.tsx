import { Group, TagsInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useHub, type Matching, type Replay, type ReplayWanted } from "../../api/hub";
import { ActDialog } from "../../ui/ActDialog";

const BLANK = { from: "", to: "", types: [] as string[], subject: "", journey: "" };

function wantedIn(form: typeof BLANK): ReplayWanted {
  const instant = (local: string) => (local ? new Date(local).toISOString() : undefined);
  return {
    from: instant(form.from),
    to: instant(form.to),
    types: form.types,
    subject: form.subject.trim() || undefined,
    journey: form.journey.trim() || undefined,
  };
}

/** First what is wanted, then how many facts that is, and only then the replay. */
export function ReplayDialog({
  endpointId,
  opened,
  onClose,
}: {
  endpointId: string;
  opened: boolean;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const path = `endpoints/${endpointId}/replays`;
  const count = useHub<Matching>();
  const hub = useHub<Replay>();
  const [form, setForm] = useState(BLANK);
  const [found, setFound] = useState<Matching | null>(null);
  const set = (change: Partial<typeof BLANK>) => setForm({ ...form, ...change });
  const wanted = wantedIn(form);
  const howMany = found && {
    count: found.matched,
    context: found.complete ? undefined : "least",
  };
  return (
    <>
      <ActDialog
        opened={opened}
        onClose={onClose}
        title={t("webhooks.replay")}
        text={t("replay.text")}
        submit={t("replay.count")}
        withReason={false}
        ready={Boolean(wanted.from ?? wanted.subject ?? wanted.journey) || form.types.length > 0}
        run={async () =>
          setFound(await count.mutateAsync({ path, body: { ...wanted, dry_run: true } }))
        }
      >
        <Group grow>
          {(["from", "to"] as const).map((name) => (
            <TextInput
              key={name}
              type="datetime-local"
              label={t(`replay.${name}`)}
              value={form[name]}
              onChange={(event) => set({ [name]: event.currentTarget.value })}
            />
          ))}
        </Group>
        <TagsInput
          label={t("webhooks.types")}
          description={t("webhooks.typesText")}
          value={form.types}
          onChange={(types) => set({ types })}
        />
        {(["subject", "journey"] as const).map((name) => (
          <TextInput
            key={name}
            label={t(`replay.${name}`)}
            description={t(`replay.${name}Text`)}
            value={form[name]}
            onChange={(event) => set({ [name]: event.currentTarget.value })}
          />
        ))}
      </ActDialog>
      <ActDialog
        opened={found !== null}
        onClose={() => setFound(null)}
        title={t("replay.start")}
        text={howMany ? t("replay.found", howMany) : undefined}
        submit={t("replay.start")}
        done={t("replay.started")}
        withReason={false}
        ready={found !== null && (found.matched > 0 || !found.complete)}
        run={async () => {
          await hub.mutateAsync({ path, body: wanted });
          setForm(BLANK);
        }}
      />
    </>
  );
}
