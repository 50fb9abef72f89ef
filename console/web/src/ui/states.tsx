import { Alert, Button, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconRefresh } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Refused } from "../api/client";
import { signInPath } from "../api/session";

export function Loading({ rows = 8 }: { rows?: number }) {
  const { t } = useTranslation();
  return (
    <Stack gap="xs" role="status" aria-label={t("loading")}>
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={28} />
      ))}
    </Stack>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Stack align="center" gap={4} py="xl" role="status">
      <Title order={2}>{title}</Title>
      {children && (
        <Text c="dimmed" ta="center" maw={520}>
          {children}
        </Text>
      )}
    </Stack>
  );
}

/** What went wrong, in the console's own words, and the way on. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useTranslation();
  const refused = error instanceof Refused ? error : null;
  const unknown = refused?.status === 401;
  const words = refused ? refused.message : t("error.unreachable");
  return (
    <Alert
      color="red"
      variant="default"
      className="notice bad"
      icon={<IconAlertTriangle aria-hidden />}
      title={unknown ? t("error.signedOut") : t("error.title")}
      role="alert"
    >
      <Stack gap="xs" align="flex-start">
        <Text>{words}</Text>
        {refused?.errors.map((field) => (
          <Text key={field.pointer} size="sm">
            <code>{field.pointer}</code> {field.detail}
          </Text>
        ))}
        {unknown ? (
          <Button component="a" href={signInPath()} size="xs">
            {t("shell.signIn")}
          </Button>
        ) : (
          retry && (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconRefresh size={14} aria-hidden />}
              onClick={retry}
            >
              {t("error.retry")}
            </Button>
          )
        )}
      </Stack>
    </Alert>
  );
}
