// Limits of the MQTT door for people, and of what they ask there.

/** Programs of people at the MQTT door of their own at once. */
export const maxPeopleConnections = 2_000;
/** Messages with QoS 1 or 2 that a program may send to that door before the first of them is answered; CONNACK of MQTT 5 says so. */
export const maxPeopleInFlight = 64;
/** Messages that wait there for a program to acknowledge earlier ones; then its connection is cut, and it comes again. */
export const maxPeopleWaiting = 4_000;
/** Messages on their way to the process of that door. Above half of it those with QoS 0 are left out, above it all, and who listens is told. */
export const maxPeopleQueueMessages = 20_000;
/** Bytes of the same. */
export const maxPeopleQueueBytes = 32 * 1024 * 1024;
/** Subscriptions of all connections at that door. */
export const maxPeopleSubscriptions = 50_000;
/** Retained messages in one answer to a new subscription; the next ones are fetched when the client has taken these. */
export const maxRetainedPage = 200;
/** What a question in MQTT 5 may have beside its text (correlation data, user properties): it is stored with the task. */
export const maxAskPropertyBytes = 2_048;
