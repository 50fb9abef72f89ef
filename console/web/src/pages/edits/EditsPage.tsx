import { Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useEdits } from "../../api/ops";
import { NotHeard } from "../../ui/NotHeard";
import { PageHead } from "../../ui/PageHead";
import { Empty, Failure, Loading } from "../../ui/states";
import { EditCard } from "./EditCard";

export default function EditsPage() {
  const { t } = useTranslation();
  const { edits, away, error, refused, isPending, refetch } = useEdits();
  return (
    <>
      <PageHead title={t("nav.edits")} about={t("edits.about")} />
      <Stack gap="sm">
        {refused ? <Failure error={error} retry={refetch} /> : <NotHeard asked={away} />}
        {edits.map((edit) => (
          <EditCard key={edit.id} edit={edit} />
        ))}
        {isPending && <Loading rows={3} />}
        {!isPending && edits.length === 0 && !refused && (
          <Empty title={t("edits.none")}>{t("edits.noneText")}</Empty>
        )}
      </Stack>
    </>
  );
}
