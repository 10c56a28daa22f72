import { useMutation, useQueryClient, type QueryKey } from "@tanstack/react-query";

type Change<Shown, V> = {
  key: QueryKey; // of what is shown
  apply: (shown: Shown, v: V) => Shown;
  run: (v: V) => Promise<unknown>;
  stale?: QueryKey; // what the change is about, key and all, where that is more than key
};

// useOptimistic is a change that shows before the server has answered. If it is
// refused, what was there shows again, and the error says why. It is for what can be
// seen and taken back in one place, and that no one else can have decided meanwhile
// but under a tip that is expected: what gives or takes a right waits for its answer,
// and so does a form, which would lose what was typed.
export function useOptimistic<Shown, V = void>({ key, apply, run, stale = key }: Change<Shown, V>) {
  const queries = useQueryClient();
  return useMutation<unknown, Error, V, { was?: Shown }>({
    mutationFn: run,
    onMutate: async (v) => {
      await queries.cancelQueries({ queryKey: key, exact: true });
      const was = queries.getQueryData<Shown>(key);
      if (was !== undefined) queries.setQueryData<Shown>(key, apply(was, v));
      return { was };
    },
    onError: (_error, _v, kept) => {
      if (kept?.was !== undefined) queries.setQueryData(key, kept.was);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: stale }),
  });
}
