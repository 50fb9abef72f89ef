import { AppShell, Burger, Group, NavLink, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { useLive } from "../api/live";
import { useSession } from "../api/session";
import { Failure, Loading } from "../ui/states";
import { PLACES, useKeys } from "./places";
import { Account } from "./Account";
import { LagBadge } from "./LagBadge";
import { Preferences } from "./Preferences";
import { Search, SearchButton } from "./Search";
import { SignedOut } from "./SignedOut";

export function Shell() {
  const { t } = useTranslation();
  const [open, { toggle, close }] = useDisclosure();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const session = useSession();
  const signedIn = Boolean(session.data);
  const hearing = useLive(signedIn);
  useKeys();
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 196, breakpoint: "sm", collapsed: { mobile: !open } }}
      padding="md"
    >
      <a href="#content" className="skip">
        {t("shell.skip")}
      </a>
      <AppShell.Header px="md" className="bar">
        <Burger
          opened={open}
          onClick={toggle}
          hiddenFrom="sm"
          size="sm"
          aria-label={t("shell.menu")}
        />
        <Link to="/" className="brand" aria-label={t("shell.home")}>
          <img src={`${import.meta.env.BASE_URL}mark.svg`} alt="" width={26} height={26} />
          <Text fw={680} visibleFrom="sm">
            {t("shell.name")}
          </Text>
        </Link>
        <SearchButton />
        <Group gap="xs" ml="auto" wrap="nowrap">
          {signedIn && <LagBadge hearing={hearing} />}
          <Preferences />
          <Account session={session.data ?? null} />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" component="nav" aria-label={t("shell.pages")}>
        {PLACES.map(({ to, name, icon: Sign, key }) => (
          <NavLink
            key={to}
            component={Link}
            to={to}
            onClick={close}
            label={t(`nav.${name}`)}
            leftSection={<Sign size={17} aria-hidden />}
            rightSection={
              key && (
                <Text size="xs" c="dimmed" ff="monospace" aria-hidden>
                  g {key}
                </Text>
              )
            }
            active={to === "/" ? path === "/" : path.startsWith(to)}
            aria-current={path === to ? "page" : undefined}
          />
        ))}
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        {session.isPending ? (
          <Loading />
        ) : session.error ? (
          <Failure error={session.error} retry={() => void session.refetch()} />
        ) : signedIn ? (
          <Outlet />
        ) : (
          <SignedOut />
        )}
      </AppShell.Main>
      {signedIn && <Search />}
    </AppShell>
  );
}
