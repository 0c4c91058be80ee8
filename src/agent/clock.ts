/** Time as the agent uses it. */
export interface AgentClock {
  now(): number;
  /** Calls back once, after a while; returns how to prevent it. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: AgentClock = {
  now: Date.now,
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
