import { Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState, type ReactNode, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";

import { Failure } from "./states";
import { useFocusBack } from "./useFocusBack";

/** Every act says what it will do, asks why, and stays open with the answer when it was refused. */
export function ActDialog({
  opened,
  onClose,
  title,
  text,
  submit,
  done,
  run,
  danger = false,
  ready = true,
  withReason = true,
  size = "md",
  children,
}: {
  opened: boolean;
  onClose: () => void;
  title: string;
  text?: string;
  submit: string;
  /** What is told when it went well. */
  done?: string;
  run: (reason: string) => Promise<unknown>;
  danger?: boolean;
  ready?: boolean;
  withReason?: boolean;
  size?: string;
  children?: ReactNode;
}) {
  const { t } = useTranslation();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useFocusBack(opened);
  const close = () => {
    setReason("");
    setError(null);
    onClose();
  };
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await run(reason.trim());
      if (done) notifications.show({ message: done, color: "teal" });
      close();
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={<Text fw={650}>{title}</Text>}
      size={size}
      returnFocus={false}
      closeButtonProps={{ "aria-label": t("close") }}
    >
      <form onSubmit={(event) => void onSubmit(event)}>
        <Stack gap="sm">
          {text && <Text size="sm">{text}</Text>}
          {children}
          {withReason && (
            <Textarea
              label={t("act.reason")}
              description={t("act.reasonText")}
              required
              data-autofocus
              autosize
              minRows={2}
              maxLength={500}
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
            />
          )}
          {error !== null && <Failure error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t("cancel")}
            </Button>
            <Button
              type="submit"
              color={danger ? "red.9" : undefined}
              loading={busy}
              disabled={!ready || (withReason && !reason.trim())}
            >
              {submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
