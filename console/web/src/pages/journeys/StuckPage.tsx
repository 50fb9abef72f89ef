import { Button, Group, Switch } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { useStuck } from "../../api/journeys";
import { PageHead } from "../../ui/PageHead";
import { Empty, Failure, Loading } from "../../ui/states";
import { FilterBar } from "./FilterBar";
import { changed, type Filters } from "./filters";
import { JourneyTable } from "./JourneyTable";
import { ReasonChips } from "./ReasonChips";

export default function StuckPage() {
  const { t } = useTranslation();
  const filters = useSearch({ from: "/" });
  const navigate = useNavigate({ from: "/" });
  const stuck = useStuck(filters);
  const set = (change: Partial<Filters>) =>
    void navigate({ search: changed(filters, change), replace: true });
  const first = stuck.data?.pages[0];
  const rows = stuck.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="tall">
      <PageHead title={t("stuck.title")} about={t("stuck.about")} />
      <ReasonChips
        counts={first?.counts ?? {}}
        all={first?.counts["all"] ?? 0}
        atLeast={first?.at_least ?? []}
        chosen={filters.reason}
        onChoose={(reason) => set({ reason })}
      />
      <FilterBar filters={filters} onChange={set}>
        <Switch
          label={t("filter.overSla")}
          checked={filters.over_sla ?? false}
          onChange={(event) => set({ over_sla: event.currentTarget.checked || undefined })}
        />
      </FilterBar>
      {stuck.isPending ? (
        <Loading />
      ) : stuck.error && rows.length === 0 ? (
        <Failure error={stuck.error} retry={() => void stuck.refetch()} />
      ) : rows.length === 0 ? (
        <Empty title={t(Object.keys(filters).length ? "stuck.noneSo" : "stuck.none")}>
          {t(Object.keys(filters).length ? "stuck.noneSoText" : "stuck.noneText")}
          {Object.keys(filters).length > 0 && (
            <Group justify="center" mt="sm">
              <Button variant="default" onClick={() => void navigate({ search: {} })}>
                {t("filter.clear")}
              </Button>
            </Group>
          )}
        </Empty>
      ) : (
        <JourneyTable rows={rows} list={stuck} caption={t("stuck.title")} />
      )}
    </div>
  );
}
