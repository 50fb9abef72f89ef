import { Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useEdits } from "../../api/ops";
import { PageHead } from "../../ui/PageHead";
import { Empty, Failure, Loading } from "../../ui/states";
import { EditCard } from "./EditCard";

export default function EditsPage() {
  const { t } = useTranslation();
  const { edits, away, error, isPending, refetch } = useEdits();
  return (
    <>
      <PageHead title={t("nav.edits")} about={t("edits.about")} />
      <Stack gap="sm">
        {away.length > 0 && <Failure error={error} retry={refetch} />}
        {isPending ? (
          <Loading rows={4} />
        ) : edits.length === 0 && away.length === 0 ? (
          <Empty title={t("edits.none")}>{t("edits.noneText")}</Empty>
        ) : (
          edits.map((edit) => <EditCard key={edit.id} edit={edit} />)
        )}
      </Stack>
    </>
  );
}
