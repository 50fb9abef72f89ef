import { Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useFailures } from "../../api/ops";
import { Asked } from "../../ui/Asked";
import { NotHeard } from "../../ui/NotHeard";
import { PageHead } from "../../ui/PageHead";
import { Empty } from "../../ui/states";
import { FailureCard } from "./FailureCard";

export default function FailuresPage() {
  const { t } = useTranslation();
  const failures = useFailures();
  return (
    <>
      <PageHead title={t("nav.failures")} about={t("failures.about")} />
      <Asked answer={failures}>
        {({ items, asked }) => (
          <Stack gap="sm">
            <NotHeard asked={asked} />
            {items.length === 0 && (
              <Empty title={t("failures.none")}>{t("failures.noneText")}</Empty>
            )}
            {items.map((group) => (
              <FailureCard key={group.service + group.fingerprint} group={group} />
            ))}
          </Stack>
        )}
      </Asked>
    </>
  );
}
