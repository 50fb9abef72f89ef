import { Button, Group, Paper, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { opsPath, useAct } from "../../api/ops";
import { useMayAct, useSession } from "../../api/session";
import type { Change, EditProposal } from "../../api/ops";
import { ActDialog } from "../../ui/ActDialog";
import { DiffTable } from "../../ui/DiffTable";
import type { Difference } from "../../ui/differences";
import { When } from "../../ui/When";
import { factWords } from "../../ui/words";

function asDifference({ op, path, before, after }: Change): Difference {
  return {
    path: path.slice(1).replaceAll("/", "."),
    before: op === "add" ? undefined : before,
    after: op === "remove" ? undefined : after,
  };
}

/** A proposed edit, for a second person: who proposed it does not decide. */
export function EditCard({ edit }: { edit: EditProposal }) {
  const { t } = useTranslation();
  const mayAct = useMayAct();
  const { data: session } = useSession();
  const act = useAct();
  const [verb, setVerb] = useState<"approve" | "reject">("approve");
  const [asking, setAsking] = useState(false);
  const mine = session?.sub === edit.proposed_by;
  const askFor = (wanted: "approve" | "reject") => {
    setVerb(wanted);
    setAsking(true);
  };
  return (
    <Paper
      withBorder
      p="sm"
      component="section"
      aria-label={`${factWords(edit.type, t)} ${edit.key}`}
    >
      <Group justify="space-between" align="flex-start" mb="xs">
        <div>
          <Title order={2}>{factWords(edit.type, t)}</Title>
          <Text size="sm">
            {t("edits.by", { name: edit.proposed_by_name, reason: edit.reason })} ·{" "}
            <When at={edit.proposed_at} />
          </Text>
          <Text size="xs" c="dimmed" ff="monospace">
            {edit.service} · {edit.topic}/{edit.key}
          </Text>
        </div>
        {mayAct && (
          <Group gap="xs">
            {mine && <Text size="sm">{t("edits.mine")}</Text>}
            <Button size="xs" disabled={mine} onClick={() => askFor("approve")}>
              {t("action.approve")}
            </Button>
            <Button size="xs" variant="default" disabled={mine} onClick={() => askFor("reject")}>
              {t("action.reject")}
            </Button>
          </Group>
        )}
      </Group>
      <DiffTable rows={edit.diff.map(asDifference)} />
      <ActDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={t(`edits.${verb}Title`)}
        text={t(`edits.${verb}Text`)}
        submit={t(`action.${verb}`)}
        done={t(`edits.${verb}Done`)}
        run={(reason) =>
          act.mutateAsync({
            path: opsPath(edit.service, "edits", edit.id, verb),
            body: { reason },
          })
        }
      />
    </Paper>
  );
}
