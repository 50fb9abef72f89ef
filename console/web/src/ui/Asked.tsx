import type { ReactNode } from "react";

import { Empty, Failure, Loading } from "./states";

interface Answer<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** A question's four ends: not answered yet, refused, answered with nothing, answered. What is old
 *  stays in view under the word that it is. */
export function Asked<T>({
  answer,
  none,
  children,
}: {
  answer: Answer<T>;
  /** What is said when the answer is an empty list. */
  none?: { title: string; text?: string };
  children: (data: T) => ReactNode;
}) {
  const { data, error, isPending } = answer;
  if (isPending) return <Loading />;
  const failure = Boolean(error) && <Failure error={error} retry={() => void answer.refetch()} />;
  if (data === undefined) return failure;
  const empty = Array.isArray(data) && data.length === 0;
  return (
    <>
      {failure}
      {empty && none ? <Empty title={none.title}>{none.text}</Empty> : children(data)}
    </>
  );
}
