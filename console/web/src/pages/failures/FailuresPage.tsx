import { Stack } from "@mantine/core";
import { useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { useFailures } from "../../api/ops";
import { Asked } from "../../ui/Asked";
import { NotHeard } from "../../ui/NotHeard";
import { PageHead } from "../../ui/PageHead";
import { Empty } from "../../ui/states";
import { BulkRuns } from "./BulkRuns";
import { FailureCard } from "./FailureCard";

export default function FailuresPage() {
  const { t } = useTranslation();
  const failures = useFailures();
  const { service } = useSearch({ from: "/failures" });
  const stage = service?.replace(/-svc$/, "");
  return (
    <>
      <PageHead title={t("nav.failures")} about={t("failures.about")} />
      <Stack gap="sm">
        <BulkRuns />
        <Asked answer={failures}>
          {({ items: all, asked }) => {
            const items = stage ? all.filter((group) => group.service === stage) : all;
            return (
              <>
                <NotHeard asked={asked} />
                {items.length === 0 && (
                  <Empty title={t("failures.none")}>{t("failures.noneText")}</Empty>
                )}
                {items.map((group) => (
                  <FailureCard key={group.service + group.fingerprint} group={group} />
                ))}
              </>
            );
          }}
        </Asked>
      </Stack>
    </>
  );
}
