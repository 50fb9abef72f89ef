import { Alert } from "@mantine/core";
import { IconPlugConnectedX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { Asked } from "../api/types";
import { serviceWords } from "./words";

/** Who was asked and did not answer: what is shown beside it is true without them. */
export function NotHeard({ asked, title }: { asked: Asked[]; title?: string }) {
  const { t } = useTranslation();
  const silent = asked.filter(({ status }) => status !== "ok");
  if (silent.length === 0) return null;
  return (
    <Alert
      variant="default"
      className="notice"
      role="status"
      icon={<IconPlugConnectedX aria-hidden />}
      title={title}
    >
      {silent
        .map(({ service, status, error }) =>
          t(status === "away" ? "asked.away" : "asked.forbidden", {
            service: serviceWords(service, t),
            error: error ?? "",
          }),
        )
        .join(" ")}
    </Alert>
  );
}
