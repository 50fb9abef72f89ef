import { Badge, Button, Paper, Progress, Table, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useHub, useReplays, type Replay } from "../../api/hub";
import { ActDialog } from "../../ui/ActDialog";
import { Asked } from "../../ui/Asked";
import { Heads } from "../../ui/Heads";
import { When } from "../../ui/When";
import { exactIn } from "../../ui/words";

const COLORS: Record<Replay["state"], string> = {
  running: "harbour",
  ended: "teal",
  cancelled: "gray",
};

function ReplayRow({ replay, onCancel }: { replay: Replay; onCancel: () => void }) {
  const { t, i18n } = useTranslation();
  const times = (["from", "to"] as const).flatMap((name) => {
    const at = replay[name];
    return at ? [`${t(`replay.${name}`)}: ${exactIn(i18n.language, at)}`] : [];
  });
  const ids = (["subject", "journey"] as const).flatMap((name) =>
    replay[name] ? [`${t(`replay.${name}`)}: ${replay[name]}`] : [],
  );
  const words = t("replay.progress", { ...replay });
  return (
    <Table.Tr>
      <Table.Th scope="row">
        <Text size="sm">{replay.types.join(", ") || t("webhooks.everything")}</Text>
        {[...times, ...ids].map((line) => (
          <Text key={line} size="xs" c="dimmed" fw={400}>
            {line}
          </Text>
        ))}
      </Table.Th>
      <Table.Td>
        <Badge variant="light" tt="none" color={COLORS[replay.state]}>
          {t(`replay.${replay.state}`)}
        </Badge>
      </Table.Td>
      <Table.Td>
        <Text size="sm">{words}</Text>
        {replay.state === "running" && (
          <Progress size={4} value={100 * replay.looked_through} aria-label={words} />
        )}
      </Table.Td>
      <Table.Td>
        <When at={replay.created_at} />
        <Text size="xs" c="dimmed">
          {replay.asked_by}
        </Text>
      </Table.Td>
      <Table.Td>
        {replay.state === "running" && (
          <Button size="compact-xs" variant="default" onClick={onCancel}>
            {t("replay.cancel")}
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

/** What was asked for again, and how far it has come; it is the hub that knows, not the page. */
export function Replays({ endpointId }: { endpointId: string }) {
  const { t } = useTranslation();
  const replays = useReplays(endpointId);
  const hub = useHub();
  const [cancelling, setCancelling] = useState<string | null>(null);
  const answer = { ...replays, data: replays.data?.pages.flatMap((page) => page.items) };
  return (
    <>
      <Title order={2} mb="xs">
        {t("replays.title")}
      </Title>
      <Asked answer={answer} none={{ title: t("replays.none"), text: t("replays.noneText") }}>
        {(all) => (
          <Paper withBorder mb="md">
            <Table verticalSpacing={4} aria-label={t("replays.title")}>
              <Heads of="replays" names={["what", "state", "progress", "asked", "acts"]} />
              <Table.Tbody>
                {all.map((replay) => (
                  <ReplayRow
                    key={replay.id}
                    replay={replay}
                    onCancel={() => setCancelling(replay.id)}
                  />
                ))}
              </Table.Tbody>
            </Table>
          </Paper>
        )}
      </Asked>
      {replays.hasNextPage && (
        <Button
          mb="md"
          variant="default"
          loading={replays.isFetchingNextPage}
          onClick={() => void replays.fetchNextPage()}
        >
          {t("list.more")}
        </Button>
      )}
      <ActDialog
        opened={cancelling !== null}
        onClose={() => setCancelling(null)}
        title={t("replay.cancel")}
        text={t("replay.cancelText")}
        submit={t("replay.cancel")}
        withReason={false}
        danger
        run={() =>
          hub.mutateAsync({ path: `endpoints/${endpointId}/replays/${cancelling}/cancel` })
        }
      />
    </>
  );
}
