import { Alert, List, Text, Textarea, Title } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { Refused } from "../../api/client";
import { opsPath, useAct } from "../../api/ops";
import type { ParkedMessage } from "../../api/types";
import type { EditProposal } from "../../api/ops";
import { ActDialog } from "../../ui/ActDialog";
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
export function EditDialog({
  parked,
  opened,
  onClose,
}: {
  parked: ParkedMessage;
  opened: boolean;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const act = useAct<EditProposal>();
  const original = useMemo(() => parsed(parked.payload ?? "null").value, [parked.payload]);
  const [text, setText] = useState(() => JSON.stringify(original, null, 2));
  const { value, error } = useMemo(() => parsed(text), [text]);
  const [problems, setProblems] = useState<string[]>([]);
  const rows = error ? [] : differences(original, value);
  const propose = async (reason: string) => {
    const answer = await act.mutateAsync({
      path: opsPath(parked.service, "parked", parked.topic, parked.key, "edit"),
      body: { payload: value, reason },
    });
    setProblems(answer.problems);
    if (answer.problems.length > 0) throw new Refused(422, "invalid", t("edit.invalid"));
  };
  return (
    <ActDialog
      opened={opened}
      onClose={onClose}
      title={t("edit.title")}
      text={t("edit.text")}
      submit={t("edit.propose")}
      done={t("edit.done")}
      run={propose}
      ready={rows.length > 0}
      size="xl"
    >
      <Textarea
        label={t("step.payload")}
        error={error}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        autosize
        minRows={8}
        maxRows={18}
        spellCheck={false}
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 12 } }}
      />
      <Title order={3} size="h2">
        {t("diff.title")}
      </Title>
      <DiffTable rows={rows} />
      {problems.length > 0 && (
        <Alert color="red" variant="default" className="notice bad" title={t("edit.problems")}>
          <List size="sm">
            {problems.map((problem) => (
              <List.Item key={problem}>
                <Text span size="sm">
                  {problem}
                </Text>
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
    </ActDialog>
  );
}
