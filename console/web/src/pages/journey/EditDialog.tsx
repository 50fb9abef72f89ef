import { Textarea, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { opsPath, useAct, useWaiting, type Proposed } from "../../api/ops";
import type { Parked } from "../../api/types";
import { ActDialog } from "../../ui/ActDialog";
import { Asked } from "../../ui/Asked";
import { DiffTable } from "../../ui/DiffTable";
import { differences } from "../../ui/differences";

function parsed(text: string): { value: unknown; error: string } {
  try {
    return { value: JSON.parse(text), error: "" };
  } catch (error) {
    return { value: undefined, error: (error as Error).message };
  }
}

/** A message's data, changed before it is tried again; it counts once a second person approved. */
export function EditDialog({ parked, onClose }: { parked: Parked; onClose: () => void }) {
  const { t } = useTranslation();
  const act = useAct<Proposed>();
  const waiting = useWaiting(parked.service, parked.topic, parked.key, true);
  const head = waiting.data?.[0];
  const payload = head?.payload ?? "null";
  const original = useMemo(() => parsed(payload).value, [payload]);
  const [edited, setEdited] = useState<string | null>(null);
  const text = edited ?? JSON.stringify(original, null, 2) ?? payload;
  const { value, error } = useMemo(() => parsed(text), [text]);
  const rows = error ? [] : differences(original, value);
  const propose = async (reason: string) => {
    const { problems } = await act.mutateAsync({
      path: opsPath(parked.service, "parked", parked.topic, parked.key, "edit"),
      body: { payload: value, reason, event_id: head?.event_id },
    });
    for (const problem of problems)
      notifications.show({ title: t("edit.odd"), message: problem, color: "orange" });
  };
  return (
    <ActDialog
      opened
      onClose={onClose}
      title={t("edit.title")}
      text={t("edit.text")}
      submit={t("edit.propose")}
      done={t("edit.done")}
      run={propose}
      ready={head !== undefined && rows.length > 0}
      size="xl"
    >
      <Asked answer={waiting}>
        {() => (
          <>
            <Textarea
              label={t("step.payload")}
              error={error}
              value={text}
              onChange={(event) => setEdited(event.currentTarget.value)}
              autosize
              minRows={8}
              maxRows={18}
              spellCheck={false}
              styles={{
                input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 12 },
              }}
            />
            <Title order={3} size="h2">
              {t("diff.title")}
            </Title>
            <DiffTable rows={rows} />
          </>
        )}
      </Asked>
    </ActDialog>
  );
}
