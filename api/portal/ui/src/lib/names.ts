import { useQuery } from "@tanstack/react-query";
import { client, data } from "./api";
import { labelOf } from "./format";

// useNames is what entities are called; what the caller may not see has none.
export function useNames(ids: Iterable<string>): Map<string, string> {
  const wanted = [...new Set(ids)].filter(Boolean).sort();
  const got = useQuery({
    queryKey: ["names", wanted],
    enabled: wanted.length > 0,
    staleTime: 60_000,
    placeholderData: (before: Map<string, string> | undefined) => before,
    queryFn: async () => {
      const names = new Map<string, string>();
      for (let i = 0; i < wanted.length; i += 100) {
        const page = await data(client.POST("/entities/batch-get", { body: { ids: wanted.slice(i, i + 100) } }));
        page.entities.forEach((e) => names.set(e.id, labelOf(e)));
      }
      return names;
    },
  });
  return got.data ?? new Map();
}
