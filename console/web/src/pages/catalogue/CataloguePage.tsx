import {
  Anchor,
  Badge,
  Button,
  Code,
  Drawer,
  Group,
  Paper,
  Select,
  Table,
  Text,
} from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useCatalogue } from "../../api/system";
import { STAGES } from "../../api/types";
import type { CatalogueFact } from "../../api/system";
import { Asked } from "../../ui/Asked";
import { Heads } from "../../ui/Heads";
import { PageHead } from "../../ui/PageHead";
import { When } from "../../ui/When";
import { factWords, serviceWords } from "../../ui/words";
import { Stragglers } from "./Stragglers";

function FactRow({ fact, onShow }: { fact: CatalogueFact; onShow: () => void }) {
  const { t, i18n } = useTranslation();
  const rate = fact.facts_5m / 300;
  return (
    <Table.Tr>
      <Table.Th scope="row">
        <Text size="sm" fw={600}>
          {factWords(fact.type, t)}
        </Text>
        <Text size="xs" c="dimmed" ff="monospace">
          {fact.type}
        </Text>
      </Table.Th>
      <Table.Td>{serviceWords(fact.producer, t)}</Table.Td>
      <Table.Td>
        {fact.hearers.length === 0
          ? t("catalogue.nobody")
          : fact.hearers.map((name) => serviceWords(name, t)).join(", ")}
      </Table.Td>
      <Table.Td>
        <Group gap={4}>
          {fact.versions.map((version) => (
            <Badge key={version} variant="default" tt="none">
              {version}
            </Badge>
          ))}
        </Group>
      </Table.Td>
      <Table.Td ta="right" className="figure">
        {t("catalogue.perSecond", {
          rate: new Intl.NumberFormat(i18n.language, { maximumSignificantDigits: 3 }).format(rate),
        })}
      </Table.Td>
      <Table.Td>
        <When at={fact.last_seen_at} />
      </Table.Td>
      <Table.Td>
        <Button
          size="compact-xs"
          variant="default"
          onClick={onShow}
          aria-label={t("steps.show", { fact: factWords(fact.type, t) })}
        >
          {t("steps.open")}
        </Button>
      </Table.Td>
    </Table.Tr>
  );
}

function Details({ fact, onClose }: { fact: CatalogueFact | null; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Drawer
      opened={fact !== null}
      onClose={onClose}
      position="right"
      size="lg"
      title={fact && <Text fw={650}>{factWords(fact.type, t)}</Text>}
      closeButtonProps={{ "aria-label": t("close") }}
    >
      {fact && (
        <>
          <Text mb="xs">{fact.description}</Text>
          <Text size="sm" mb="md">
            {t("topics.topic")}: <code>{fact.topic}</code> ·{" "}
            <Anchor href={`/schemas/${fact.type}`} inherit underline="always">
              {t("catalogue.schema")}
            </Anchor>
          </Text>
          <Text fw={600} size="sm" mb={4}>
            {t("catalogue.sample")}
          </Text>
          {fact.sample ? (
            <Code block tabIndex={0}>
              {JSON.stringify(fact.sample, null, 2)}
            </Code>
          ) : (
            <Text c="dimmed">{t("catalogue.noSample")}</Text>
          )}
        </>
      )}
    </Drawer>
  );
}

export default function CataloguePage() {
  const { t } = useTranslation();
  const catalogue = useCatalogue();
  const [stage, setStage] = useState<string | null>(null);
  const [shown, setShown] = useState<CatalogueFact | null>(null);
  return (
    <>
      <PageHead title={t("nav.catalogue")} about={t("catalogue.about")}>
        <Select
          size="xs"
          w={150}
          clearable
          aria-label={t("filter.stage")}
          placeholder={t("filter.stage")}
          data={STAGES.map((name) => ({ value: name, label: t(`stage.${name}`) }))}
          value={stage}
          onChange={setStage}
        />
      </PageHead>
      <Asked answer={catalogue} none={{ title: t("catalogue.none") }}>
        {(facts) => (
          <Paper withBorder>
            <Table.ScrollContainer minWidth={900}>
              <Table verticalSpacing={4} aria-label={t("nav.catalogue")}>
                <Heads
                  of="catalogue"
                  names={["fact", "producer", "hearers", "versions", "rate", "seen", "sample"]}
                  figures={["rate"]}
                />
                <Table.Tbody>
                  {facts
                    .filter((fact) => !stage || fact.stage === stage)
                    .map((fact) => (
                      <FactRow key={fact.type} fact={fact} onShow={() => setShown(fact)} />
                    ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </Paper>
        )}
      </Asked>
      <Stragglers />
      <Details fact={shown} onClose={() => setShown(null)} />
    </>
  );
}
