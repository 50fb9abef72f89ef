import { Button, Code, CopyButton, Group, Modal, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { NewSecret } from "../../api/hub";
import { useFocusBack } from "../../ui/useFocusBack";

/** A secret as it is shown once. */
export function SecretDialog({
  secret,
  onClose,
}: {
  secret: NewSecret | null;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  useFocusBack(secret !== null);
  return (
    <Modal
      opened={secret !== null}
      onClose={onClose}
      title={<Text fw={650}>{t("secret.title")}</Text>}
      closeOnClickOutside={false}
      returnFocus={false}
      closeButtonProps={{ "aria-label": t("close") }}
    >
      <Stack gap="sm">
        <Text size="sm">{t("secret.text")}</Text>
        <Code block tabIndex={0}>
          {secret?.secret}
        </Code>
        <Group justify="flex-end">
          <CopyButton value={secret?.secret ?? ""}>
            {({ copied, copy }) => (
              <Button variant="default" onClick={copy}>
                {t(copied ? "copied" : "copy")}
              </Button>
            )}
          </CopyButton>
          <Button onClick={onClose}>{t("secret.kept")}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
