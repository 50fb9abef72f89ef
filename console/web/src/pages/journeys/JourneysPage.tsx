import { Select } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { useJourneys } from "../../api/journeys";
import type { JourneyState } from "../../api/types";
import { PageHead } from "../../ui/PageHead";
import { Empty, Failure, Loading } from "../../ui/states";
import { FilterBar } from "./FilterBar";
import { changed, type Filters } from "./filters";
import { JourneyTable } from "./JourneyTable";

export default function JourneysPage() {
  const { t } = useTranslation();
  const filters = useSearch({ from: "/journeys" });
  const navigate = useNavigate({ from: "/journeys" });
  const journeys = useJourneys(filters);
  const set = (change: Partial<Filters>) =>
    void navigate({ search: changed(filters, change), replace: true });
  const rows = journeys.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="tall">
      <PageHead title={t("journeys.title")} about={t("journeys.about")} />
      <FilterBar filters={filters} onChange={set} search>
        <Select
          aria-label={t("filter.state")}
          placeholder={t("filter.state")}
          w={130}
          size="xs"
          clearable
          data={(["open", "settled", "ended"] as const).map((state) => ({
            value: state,
            label: t(`state.${state}`),
          }))}
          value={filters.state ?? null}
          onChange={(state) => set({ state: (state ?? undefined) as JourneyState | undefined })}
        />
      </FilterBar>
      {journeys.isPending ? (
        <Loading />
      ) : journeys.error && rows.length === 0 ? (
        <Failure error={journeys.error} retry={() => void journeys.refetch()} />
      ) : rows.length === 0 ? (
        <Empty title={t("journeys.none")}>{t("journeys.noneText")}</Empty>
      ) : (
        <JourneyTable rows={rows} list={journeys} caption={t("journeys.title")} />
      )}
    </div>
  );
}
