import { List, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { proofIn, serviceWords } from "../../ui/words";
import type { Evidence } from "../../api/types";

/** What the sentence was concluded from, and who says so. */
export function EvidenceList({ evidence }: { evidence: Evidence[] }) {
  const { t, i18n } = useTranslation();
  return (
    <List spacing={4} size="sm">
      {evidence.map((piece, index) => (
        <List.Item key={index}>
          <Text span size="sm" c="dimmed">
            {[
              t(`evidence.${piece.kind}`, { defaultValue: piece.kind }),
              piece.service && serviceWords(piece.service, t),
            ]
              .filter(Boolean)
              .join(" · ")}
            {": "}
          </Text>
          {proofIn(i18n.language, piece, t)}
        </List.Item>
      ))}
    </List>
  );
}
