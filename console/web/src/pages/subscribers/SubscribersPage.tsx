import { Button, Paper, Table } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useSubscribers, type Subscriber } from "../../api/hub";
import { useSession } from "../../api/session";
import { Asked } from "../../ui/Asked";
import { Heads } from "../../ui/Heads";
import { PageHead } from "../../ui/PageHead";
import { When } from "../../ui/When";
import { GrantDialog } from "./GrantDialog";

const NEW: Subscriber = { name: "", personal: false, stages: null, changed_at: "" };

export default function SubscribersPage() {
  const { t } = useTranslation();
  const subscribers = useSubscribers();
  const { data: session } = useSession();
  const [changing, setChanging] = useState<Subscriber | null>(null);
  const mayChange = session?.roles.includes("admin") ?? false;
  return (
    <>
      <PageHead title={t("nav.subscribers")} about={t("subscribers.about")}>
        {mayChange && (
          <Button
            size="xs"
            leftSection={<IconPlus size={15} aria-hidden />}
            onClick={() => setChanging(NEW)}
          >
            {t("subscribers.new")}
          </Button>
        )}
      </PageHead>
      <Asked answer={subscribers} none={{ title: t("subscribers.none") }}>
        {(all) => (
          <Paper withBorder>
            <Table verticalSpacing="xs" aria-label={t("nav.subscribers")}>
              <Heads of="subscribers" names={["name", "stages", "personal", "changed", "acts"]} />
              <Table.Tbody>
                {all.map((subscriber) => (
                  <Table.Tr key={subscriber.name}>
                    <Table.Th scope="row">{subscriber.name}</Table.Th>
                    <Table.Td>
                      {subscriber.stages
                        ? subscriber.stages.map((stage) => t(`stage.${stage}`)).join(", ")
                        : t("subscribers.allStages")}
                    </Table.Td>
                    <Table.Td>{t(subscriber.personal ? "yes" : "no")}</Table.Td>
                    <Table.Td>
                      <When at={subscriber.changed_at} />
                    </Table.Td>
                    <Table.Td>
                      {mayChange && (
                        <Button
                          size="compact-xs"
                          variant="default"
                          onClick={() => setChanging(subscriber)}
                          aria-label={t("subscribers.changeOf", { name: subscriber.name })}
                        >
                          {t("subscribers.change")}
                        </Button>
                      )}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Paper>
        )}
      </Asked>
      {changing && (
        <GrantDialog key={changing.name} grant={changing} onClose={() => setChanging(null)} />
      )}
    </>
  );
}
