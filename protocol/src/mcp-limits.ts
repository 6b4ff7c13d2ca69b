// Bounds of the MCP door: what editors and assistants may ask of the coordinator at once.

/** Messages of one request: the older protocols take several at once. */
export const maxMcpMessages = 16;
/** Bytes of one request: an agent's spec with its instructions, several times. */
export const maxMcpBytes = 1024 * 1024;
/** Requests of one key that are being answered, questions to agents among them. */
export const maxMcpRequestsPerKey = 32;
/** Characters of the id by which a client names its session. */
export const maxMcpSessionChars = 128;
/** Agents, and nodes, of one change. */
export const maxMcpAgents = 20;
export const maxMcpNodes = 50;
