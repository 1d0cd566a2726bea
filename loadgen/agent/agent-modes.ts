/** First argument of an agent process that gets its orders over NATS. */
export const REMOTE = 'remote';
