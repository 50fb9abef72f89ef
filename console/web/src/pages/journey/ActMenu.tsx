import { Button, Menu } from "@mantine/core";
import { IconChevronDown, IconTool } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Journey, OpenGate } from "../../api/types";
import { gateWords } from "../../ui/words";
import { HoldDialog } from "./HoldDialog";
import { ReplayDialog } from "./ReplayDialog";
import { ResolveDialog } from "./ResolveDialog";

type Chosen = "replay" | "hold" | OpenGate | null;

/** What can be done to a journey beside its parked messages. */
export function ActMenu({ journey }: { journey: Journey }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<Chosen>(null);
  const close = () => setChosen(null);
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button
            size="xs"
            leftSection={<IconTool size={15} aria-hidden />}
            rightSection={<IconChevronDown size={14} aria-hidden />}
          >
            {t("act.menu")}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {journey.gates.map((open) => (
            <Menu.Item key={open.number + open.gate} onClick={() => setChosen(open)}>
              {t("act.resolve.item", { gate: gateWords(open.gate, t), number: open.number })}
            </Menu.Item>
          ))}
          <Menu.Item onClick={() => setChosen("replay")}>{t("act.replay.journey")}</Menu.Item>
          <Menu.Item onClick={() => setChosen("hold")}>{t("act.hold.item")}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ReplayDialog
        opened={chosen === "replay"}
        onClose={close}
        what={{ journey_id: journey.journey_id }}
        from={journey.stage}
      />
      {chosen === "hold" && <HoldDialog journey={journey} onClose={close} />}
      {chosen && typeof chosen === "object" && <ResolveDialog gate={chosen} onClose={close} />}
    </>
  );
}
