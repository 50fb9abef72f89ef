import { Button, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { signInPath } from "../api/session";
import { PageHead } from "../ui/PageHead";

export function SignedOut() {
  const { t } = useTranslation();
  return (
    <Stack maw={460} mx="auto" mt="10vh" align="flex-start">
      <PageHead title={t("signedOut.title")} />
      <Text>{t("signedOut.text")}</Text>
      <Button component="a" href={signInPath()} size="md">
        {t("shell.signIn")}
      </Button>
    </Stack>
  );
}
