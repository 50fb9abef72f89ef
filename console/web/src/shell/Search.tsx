import { Group, Kbd, Loader, Text, UnstyledButton } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { Spotlight, spotlight } from "@mantine/spotlight";
import { IconArrowRight, IconHistory, IconSearch } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useSearch } from "../api/journeys";
import type { Hit } from "../api/types";
import { Amount } from "../ui/Amount";
import { ReasonBadge } from "../ui/ReasonBadge";
import { recent, remember } from "./recent";

export function SearchButton() {
  const { t } = useTranslation();
  return (
    <UnstyledButton className="search" onClick={spotlight.open} aria-keyshortcuts="Control+K">
      <IconSearch size={16} aria-hidden />
      <Text span size="sm" truncate>
        {t("search.prompt")}
      </Text>
      <Kbd ml="auto" size="xs" visibleFrom="sm" aria-hidden>
        Ctrl K
      </Kbd>
    </UnstyledButton>
  );
}

function HitRow({ hit }: { hit: Hit }) {
  const { t } = useTranslation();
  return (
    <div className="hit">
      <Group gap="xs" wrap="nowrap">
        <Text fw={600} ff="monospace" size="sm">
          {hit.matched.value}
        </Text>
        <Text size="xs" c="dimmed">
          {t(`kind.${hit.matched.kind}`, { defaultValue: hit.matched.kind })}
        </Text>
        <Text size="sm" truncate>
          {hit.customer}
        </Text>
        <Text size="sm" ml="auto">
          <Amount money={hit.amount} />
        </Text>
        <ReasonBadge reason={hit.reason} state={hit.state} size="sm" />
      </Group>
    </div>
  );
}

/** Any number in, its journey out: Enter goes straight to it, without waiting for suggestions. */
export function Search() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [settled] = useDebouncedValue(text, 120);
  const search = useSearch(settled);
  const hits = text.trim().length >= 2 ? (search.data?.hits ?? []) : [];
  const go = (key: string, shown = key) => {
    remember(shown);
    setText("");
    spotlight.close();
    void navigate({ to: "/j/$key", params: { key } });
  };
  const typed = text.trim();
  // A name leads to the best hit; what was pasted goes ahead of any suggestion.
  const enter = () => {
    const [best] = settled === text ? hits : [];
    if (best) go(best.journey_id, best.matched.value);
    else go(typed);
  };
  return (
    <Spotlight.Root
      query={text}
      onQueryChange={setText}
      shortcut={["mod + K", "/"]}
      title={t("search.prompt")}
      classNames={{ header: "unseen" }}
      size="lg"
      scrollable
      maxHeight={460}
    >
      <Spotlight.Search
        placeholder={t("search.prompt")}
        aria-label={t("search.prompt")}
        onKeyDown={(event) => {
          const picked = document.querySelector("[data-action][data-selected]");
          if (event.key === "Enter" && typed && !picked && !event.nativeEvent.isComposing) enter();
        }}
        leftSection={
          search.isFetching ? <Loader size={16} /> : <IconSearch size={18} aria-hidden />
        }
      />
      <Spotlight.ActionsList>
        {hits.map((hit) => (
          <Spotlight.Action
            key={`${hit.journey_id}${hit.matched.value}`}
            onClick={() => go(hit.journey_id, hit.matched.value)}
          >
            <HitRow hit={hit} />
          </Spotlight.Action>
        ))}
        {typed && hits.length === 0 && (
          <Spotlight.Action
            onClick={() => go(typed)}
            leftSection={<IconArrowRight size={16} aria-hidden />}
            label={t("search.open", { key: typed })}
          />
        )}
        {!typed &&
          recent().map((key) => (
            <Spotlight.Action
              key={key}
              onClick={() => go(key)}
              leftSection={<IconHistory size={16} aria-hidden />}
              label={key}
            />
          ))}
        {!typed && recent().length === 0 && (
          <Spotlight.Empty c="dimmed">{t("search.hint")}</Spotlight.Empty>
        )}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
