import { Group, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { STAGES, type Stage } from "../../api/types";
import type { Filters } from "./filters";

export function FilterBar({
  filters,
  onChange,
  search = false,
  children,
}: {
  filters: Filters;
  onChange: (change: Partial<Filters>) => void;
  search?: boolean;
  children?: ReactNode;
}) {
  const { t } = useTranslation();
  const typed = useDebouncedCallback(onChange, 250);
  return (
    <Group gap="xs" mb="sm" role="search" aria-label={t("filter.title")}>
      {search && (
        <TextInput
          size="xs"
          w={220}
          aria-label={t("filter.q")}
          placeholder={t("filter.q")}
          defaultValue={filters.q}
          onChange={(event) => typed({ q: event.currentTarget.value })}
        />
      )}
      <Select
        aria-label={t("filter.stage")}
        placeholder={t("filter.stage")}
        size="xs"
        w={140}
        clearable
        data={STAGES.map((stage) => ({ value: stage, label: t(`stage.${stage}`) }))}
        value={filters.stage ?? null}
        onChange={(stage) => onChange({ stage: (stage ?? undefined) as Stage | undefined })}
      />
      <TextInput
        size="xs"
        w={180}
        aria-label={t("filter.owner")}
        placeholder={t("filter.owner")}
        defaultValue={filters.owner}
        onChange={(event) => typed({ owner: event.currentTarget.value })}
      />
      {children}
    </Group>
  );
}
