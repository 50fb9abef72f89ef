import { Paper, Text, Title, useComputedColorScheme, useMantineTheme } from "@mantine/core";
import { useId, useMemo } from "react";
import { useTranslation } from "react-i18next";

import { useFlow, type Flow } from "../../api/system";
import { STAGES } from "../../api/types";
import { Asked } from "../../ui/Asked";
import { Chart } from "../../ui/Chart";
import { drawing, totals } from "./drawing";

const HEIGHT = 220;

/** Where it went quiet, and when. */
export function FlowChart() {
  const { t } = useTranslation();
  const flow = useFlow();
  const id = useId();
  return (
    <Paper withBorder p="sm" mb="sm" component="section" aria-labelledby={id}>
      <Title order={2} id={id} mb={4}>
        {t("flow.title")}
      </Title>
      <Asked answer={flow}>{(told) => <Drawn flow={told} />}</Asked>
    </Paper>
  );
}

function Drawn({ flow }: { flow: Flow }) {
  const { t, i18n } = useTranslation();
  const { language } = i18n;
  const scheme = useComputedColorScheme();
  const font = useMantineTheme().fontFamily;
  const option = useMemo(
    () => drawing(flow, { scheme, font, language }, (stage) => t(`stage.${stage}`)),
    [flow, scheme, font, language, t],
  );
  const said = totals(flow);
  if (STAGES.every((stage) => said[stage] === 0))
    return (
      <Text size="sm" c="dimmed">
        {t("flow.none")}
      </Text>
    );
  const number = new Intl.NumberFormat(language);
  const each = STAGES.map((stage) => `${t(`stage.${stage}`)} ${number.format(said[stage])}`);
  const list = new Intl.ListFormat(language, { type: "unit" }).format(each);
  return <Chart option={option} label={t("flow.spoken", { list })} height={HEIGHT} />;
}
