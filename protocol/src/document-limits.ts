// Limits on what people give to the memories of agents, each with its reason. Bytes unless the name says otherwise.

/** One document of an agent: a scanned book of 300 pages has 30 MB. It is in memory while its text is read, in a process of its own. */
export const maxDocumentBytes = 32 * 1024 * 1024;
/** Documents of all agents together on the coordinator's disk; identical files count once. */
export const maxDocumentsBytes = 8 * 1024 ** 3;
/** Files of an object store that are here while they are read: four of the largest. */
export const maxFetchedObjectBytes = 512 * 1024 * 1024;
/** Documents of one agent: a drawer of manuals. */
export const maxDocumentsPerAgent = 500;
/** Documents of all agents: each takes about 400 bytes of the coordinator's memory. */
export const maxDocuments = 20_000;
/** Characters of text that a document may have: the Bible has 4 million. */
export const maxDocumentChars = 8_000_000;
/** Parts of one document. Recall is local and exact up to some 20,000 memories. */
export const maxDocumentChunks = 10_000;
export const maxDocumentPages = 20_000;
export const maxDocumentNameChars = 120;
/** The headings above a part of a document, together. */
export const maxHeadingChars = 160;
/** A file of memories to import: 30,000 with vectors. It is read twice from the disk, line by line. */
export const maxMemoryFileBytes = 128 * 1024 * 1024;
/** Memories of one file that the agent does not have yet; one import brings `maxDocumentChunks` of them, the next one the rest. */
export const maxMemoryFileMemories = 200_000;
/** Memories that one agent imported in all: the hashes by which none comes twice are in memory while a file is read. */
export const maxImportedPerAgent = 500_000;
/** Faults of a file of memories that are told line by line. */
export const maxMemoryFileFaults = 20;
/** Memories of one message that brings them to a node; it has at most `maxMemoryBatchBytes` besides. */
export const maxGivenPerMessage = 32;
/** Single memories that wait to be written, of one agent and of all: each is in the coordinator's memory, with up to 8 KiB. */
export const maxGivenPerAgent = 200;
export const maxGiven = 5_000;
/** Parts of documents that a task names as in its prompt. */
export const maxUsageDocuments = 16;
