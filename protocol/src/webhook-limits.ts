// Limits of webhooks and of the triggers that the coordinator runs.

/** Webhooks of the fleet, in and out together. */
export const maxWebhooks = 64;
export const maxWebhookUrlChars = 500;
/** Types of events of one webhook: all that there are, with room. */
export const maxWebhookEvents = 100;
/** Events that wait for one webhook, about 1 KB each in memory; the next is left out and counted. An outage of a day writes fewer. */
export const maxDeliveriesWaiting = 500;
/** Deliveries of one webhook that were given up; the oldest goes. */
export const maxDeliveriesDead = 100;
/** A body that calls a webhook: GitHub's are larger only where a push has hundreds of commits. */
export const maxHookBodyBytes = 64 * 1024;
/** Calls of one webhook a minute, and the time that a call may wait for an answer. */
export const maxHookCallsPerMinute = 60;
export const maxHookWaitSeconds = 60;
/** What wakes agents over MQTT: the payload of a message below `in/`. */
export const maxWakeBytes = 64 * 1024;
