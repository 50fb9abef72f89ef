import { Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useFailures } from "../../api/ops";
import { Asked } from "../../ui/Asked";
import { PageHead } from "../../ui/PageHead";
import { FailureCard } from "./FailureCard";

export default function FailuresPage() {
  const { t } = useTranslation();
  const failures = useFailures();
  return (
    <>
      <PageHead title={t("nav.failures")} about={t("failures.about")} />
      <Asked answer={failures} none={{ title: t("failures.none"), text: t("failures.noneText") }}>
        {(groups) => (
          <Stack gap="sm">
            {groups.map((group) => (
              <FailureCard key={group.service + group.fingerprint} group={group} />
            ))}
          </Stack>
        )}
      </Asked>
    </>
  );
}
