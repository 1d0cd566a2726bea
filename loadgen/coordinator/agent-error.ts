/** An agent could not do its part: one sentence. */
export class AgentError extends Error {
  readonly side: 'generator' | 'server' | 'configuration';
  constructor(side: AgentError['side'], message: string) {
    super(message);
    this.name = 'AgentError';
    this.side = side;
  }
}
