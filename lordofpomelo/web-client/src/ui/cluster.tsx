//! `?cluster=1`: who leads the cluster, as the web server says; so that a failover can be watched while playing.

import { useEffect, useState } from "preact/hooks";
import { t } from "../text/text";
import { useGame } from "./context";

/** Who leads. */
interface Cluster {
  readonly leader: string;
  readonly epoch: number;
}

/** What `cluster.json` says: the same, or that nobody does. */
type Told = Cluster | { readonly leader: null; readonly epoch: null };

const ASK_MS = 2_000;

export function ClusterCorner() {
  const game = useGame();
  const [cluster, setCluster] = useState<Cluster | undefined>(game.query.get("gallery") === null ? undefined : { leader: "master-server-2", epoch: 7 });
  const [changedAt, setChangedAt] = useState(0);
  useEffect(() => {
    if (game.query.get("gallery") !== null) return undefined;
    let before: number | undefined;
    const ask = async () => {
      try {
        const response = await fetch("cluster.json", { signal: AbortSignal.timeout(ASK_MS) });
        const answer = response.ok ? ((await response.json()) as Told) : undefined;
        const told = answer?.leader === null ? undefined : answer;
        setCluster(told);
        if (told !== undefined && before !== undefined && told.epoch !== before) setChangedAt(Date.now());
        before = told?.epoch ?? before;
      } catch {
        setCluster(undefined);
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), ASK_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <aside class={`cluster panel-small ${Date.now() - changedAt < 6_000 ? "changed" : ""}`} data-testid="cluster">
      <b>{t("cluster.title")}</b>
      {cluster === undefined ? <span>{t("cluster.unknown")}</span> : (
        <>
          <span>{t("cluster.leader")}: <em data-testid="cluster-leader">{cluster.leader}</em></span>
          <span>{t("cluster.epoch")}: <em data-testid="cluster-epoch">{cluster.epoch}</em></span>
        </>
      )}
    </aside>
  );
}
