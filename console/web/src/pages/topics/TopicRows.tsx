import { Badge, Table, Text } from "@mantine/core";
import { IconHourglassHigh } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { ConsumerGroup, Topic } from "../../api/system";
import { spell } from "../../ui/words";
import { LATE_S } from "./late";

function GroupCells({ group }: { group: ConsumerGroup }) {
  const { t, i18n } = useTranslation();
  const number = new Intl.NumberFormat(i18n.language);
  const late = (group.lag_s ?? 0) > LATE_S;
  return (
    <>
      <Table.Td ff="monospace">{group.group}</Table.Td>
      <Table.Td ta="right" className="figure">
        {number.format(group.lag)}
      </Table.Td>
      <Table.Td ta="right" className={late ? "late" : undefined} fw={late ? 650 : undefined}>
        {late && <IconHourglassHigh size={14} aria-label={t("topics.late")} />}{" "}
        {group.lag_s === null ? "–" : spell(group.lag_s, t)}
      </Table.Td>
      <Table.Td ta="right" className="figure">
        {group.members}
      </Table.Td>
      <Table.Td>
        <Badge
          variant="light"
          color={group.state.toLowerCase() === "stable" ? "teal" : "orange"}
          tt="none"
        >
          {t(`groupState.${group.state.toLowerCase()}`, { defaultValue: group.state })}
        </Badge>
      </Table.Td>
    </>
  );
}

/** A topic and who reads it, one line a group. */
export function TopicRows({ topic }: { topic: Topic }) {
  const { t, i18n } = useTranslation();
  const number = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 1 });
  const lines = topic.groups.length;
  const head = (value: string) => (
    <Table.Td rowSpan={Math.max(1, lines)} ta="right" className="figure">
      {value}
    </Table.Td>
  );
  const [first, ...others] = topic.groups;
  return (
    <Table.Tbody>
      <Table.Tr>
        <Table.Th scope="rowgroup" rowSpan={Math.max(1, lines)} ff="monospace" fw={600}>
          {topic.topic}
        </Table.Th>
        {head(number.format(topic.partitions))}
        {head(number.format(topic.end))}
        {head(topic.rate_per_s === null ? "–" : number.format(topic.rate_per_s))}
        {first ? (
          <GroupCells group={first} />
        ) : (
          <Table.Td colSpan={5}>
            <Text size="sm" c="dimmed">
              {t("topics.unheard")}
            </Text>
          </Table.Td>
        )}
      </Table.Tr>
      {others.map((group) => (
        <Table.Tr key={group.group}>
          <GroupCells group={group} />
        </Table.Tr>
      ))}
    </Table.Tbody>
  );
}
