import { SimpleGrid, Text } from "@mantine/core";

/** Small facts about one thing, by name; what is not known is left out. */
export function About({ rows }: { rows: [name: string, value: string | null | undefined][] }) {
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }} spacing={4} mb="md">
      {rows.map(
        ([name, value]) =>
          value && (
            <Text key={name} size="xs">
              <Text span c="dimmed" inherit>
                {name}{" "}
              </Text>
              <code>{value}</code>
            </Text>
          ),
      )}
    </SimpleGrid>
  );
}
