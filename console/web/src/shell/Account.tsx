import { Button, Menu, Text } from "@mantine/core";
import { IconLogout, IconUserCircle } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { ask } from "../api/client";
import { signInPath } from "../api/session";
import type { Session } from "../api/types";

export function Account({ session }: { session: Session | null }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  if (!session)
    return (
      <Button component="a" href={signInPath()} size="xs">
        {t("shell.signIn")}
      </Button>
    );
  const signOut = async () => {
    await ask("/session/sign-out", { method: "POST" });
    client.clear();
    window.location.assign(import.meta.env.BASE_URL);
  };
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <Button
          variant="subtle"
          size="xs"
          leftSection={<IconUserCircle size={19} aria-hidden />}
          aria-label={t("shell.account", { name: session.name })}
        >
          {session.name}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("shell.roles")}</Menu.Label>
        <Text size="sm" px="sm" pb="xs">
          {session.roles.map((role) => t(`owner.role.${role}`, { defaultValue: role })).join(", ")}
        </Text>
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconLogout size={16} aria-hidden />}
          onClick={() => void signOut()}
        >
          {t("shell.signOut")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
