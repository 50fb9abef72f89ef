import { Paper, Table, Text } from "@mantine/core";
import { useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { useTopics } from "../../api/system";
import { Asked } from "../../ui/Asked";
import { Heads } from "../../ui/Heads";
import { PageHead } from "../../ui/PageHead";
import { FlowChart } from "./FlowChart";
import { LATE_S } from "./late";
import { TopicRows } from "./TopicRows";

export default function TopicsPage() {
  const { t } = useTranslation();
  const topics = useTopics();
  const { topic } = useSearch({ from: "/topics" });
  return (
    <>
      <PageHead title={t("topics.title")} about={t("topics.about")} />
      <FlowChart />
      <Asked answer={topics} none={{ title: t("topics.none") }}>
        {(all) => (
          <Paper withBorder>
            <Table.ScrollContainer minWidth={900}>
              <Table verticalSpacing={4} aria-label={t("nav.topics")}>
                <Heads
                  of="topics"
                  names={[
                    "topic",
                    "partitions",
                    "end",
                    "rate",
                    "group",
                    "lag",
                    "lagS",
                    "members",
                    "state",
                  ]}
                  figures={["partitions", "end", "rate", "lag", "lagS", "members"]}
                />
                {all
                  .filter((one) => !topic || one.topic === topic)
                  .map((topic) => (
                    <TopicRows key={topic.topic} topic={topic} />
                  ))}
              </Table>
            </Table.ScrollContainer>
          </Paper>
        )}
      </Asked>
      <Text size="xs" c="dimmed" mt="xs">
        {t("topics.note", { seconds: LATE_S })}
      </Text>
    </>
  );
}
