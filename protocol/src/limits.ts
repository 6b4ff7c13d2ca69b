// Every limit on what a stranger, a node or a person can send, in one place, each with its reason.
// Bytes unless the name says otherwise.

/** Any whole number on the wire that has no lower ceiling of its own: the bytes of a pebibyte. */
export const maxCount = 2 ** 50;
/** Any other number on the wire: bytes a day of the fastest disk. */
export const maxMeasure = 2 ** 52;
/** Milliseconds since 1970: the year 9999, the last that dates are written for. */
export const maxTimeMs = 253_402_300_799_999;
/** Generations, epochs, attempts, sequence numbers: one a millisecond for a lifetime. */
export const maxOrdinal = 1e12;
/** Tokens of one task: a thousand times the longest context. */
export const maxTokensPerTask = 1e9;

/** One MQTT packet. The largest honest message is a memory batch (128 KiB) plus its envelope; Aedes itself accepts any size. */
export const maxPacketBytes = 160 * 1024;
/** Arrays and objects inside each other in one message. Ours need 8; printing deeper ones by recursion could end a process. */
export const maxJsonDepth = 64;
/** One memory batch upward or downward: MEMORY.md. */
export const maxMemoryBatchBytes = 128 * 1024;
/** One memory entry as JSON: 8 KiB of control characters take 48, tags 12, a vector 22. A larger one would fit no message with its envelope. */
export const maxMemoryEntryBytes = 96 * 1024;
/** Heartbeats come from ten thousand nodes and have about 0.6 KB. One of a machine with 32 graphics cards, 32 leases and 16 loaded models has
 * 5.6 KB; a bigger one is a bug or an attack. */
export const maxHealthBytes = 6 * 1024;
/** Presence, hello, events. */
export const maxSmallMessageBytes = 16 * 1024;
/** Inventory and capacity: a hundred models with their speeds. */
export const maxCapacityBytes = 64 * 1024;
/** The parts of one machine: a server with 16 memory modules and 24 disks has 8 KB. */
export const maxHardwareBytes = 32 * 1024;
/** Assignment deltas and snapshots, split when larger. Specs hold prompts. */
export const maxAssignmentBytes = 128 * 1024;
/** The prompt of one task. About 8,000 tokens: more than a Pi's context; larger input belongs in a file. */
export const maxPromptBytes = 32 * 1024;
/** Exchanges before the prompt of one task, for who keeps the conversation itself. */
export const maxAskTurns = 20;
/** Characters of these exchanges together, so that a lease with them fits one packet. */
export const maxTurnsChars = 12 * 1024;
/** Pictures of one task: a question about some pictures; a model at home has no room for more. */
export const maxTaskImages = 4;
/** Characters of the pictures of one task together, in base64, so that a lease with them fits one packet: a picture of 768 pixels as JPEG. */
export const maxTaskImageChars = 60 * 1024;
/** How an answer came about, as a node tells it with the end of a task that a conversation asked. */
export const maxTraceBytes = 16 * 1024;
/** An agent's standing instructions. */
export const maxInstructionsBytes = 16 * 1024;
/** A task's result; longer text is cut and marked `truncated`. */
export const maxResultBytes = 64 * 1024;
/** One coalesced token chunk. */
export const maxChunkBytes = 8 * 1024;
/** One memory entry's text; longer text is cut by the agent before it is remembered. */
export const maxMemoryTextBytes = 8 * 1024;
/** One JSON request body over HTTP; a batch of tasks, a spec with its triggers and a what-if are the largest. */
export const maxHttpBodyBytes = 1024 * 1024;
/** A request to a route without a body: an empty object is enough for clients that always send one. */
export const maxNoBodyBytes = 1024;
/** A JSON body of some fields. */
export const maxSmallBodyBytes = 16 * 1024;
/** A sign-in code or a key: anybody may send one. */
export const maxSignInBodyBytes = 1024;
/** A certificate request with its token: anybody may send one. */
export const maxEnrolBodyBytes = 8 * 1024;
/** A task: a prompt in JSON, six bytes for one where a client escapes all of it. */
export const maxTaskBodyBytes = 256 * 1024;
/** A body with the names of many nodes. */
export const maxBulkBodyBytes = 128 * 1024;
/** Bytes of bodies that have begun and are not whole, of all keys together; the next body is refused with `unavailable`. */
export const maxUnfinishedBodyBytes = 64 * 1024 * 1024;
/** The same bytes for the bodies of one key. */
export const maxUnfinishedBodyBytesPerKey = 16 * 1024 * 1024;
/** The same bytes for the bodies of all clients without a key together, and of one address of them. */
export const maxUnfinishedStrangerBytes = 8 * 1024 * 1024;
export const maxUnfinishedStrangerBytesPerAddress = 1024 * 1024;
/** A certificate signing request (P-256 takes 500 bytes). */
export const maxCsrBytes = 4 * 1024;
/** Live WebSocket: messages a console may send; it only subscribes. */
export const maxFeedRequestBytes = 4 * 1024;

/** Tasks that may wait behind one agent; the next submission is refused with `queue-full`. An agent's spec may ask for less. */
export const maxQueuePerAgent = 1_000;
/** Unfinished tasks in the whole fleet: bounds the coordinator's memory (about 1.5 KB each, beside its prompt). */
export const maxLiveTasks = 200_000;
/** Characters of the prompts of all unfinished tasks: together at most 256 MiB of the coordinator's memory. */
export const maxLivePromptCharacters = 128 * 1024 * 1024;
/** Tasks in one batch submission. */
export const maxTasksPerBatch = 500;
/** Tasks one agent works on at once. */
export const maxConcurrency = 64;
/** Agents in the fleet: the plan's 30,000, and room for more. */
export const maxAgents = 100_000;
/** Past placements stored of one agent, to recognise a node that held it long ago: an agent that moves daily reaches this in years. */
export const maxHoldersPerAgent = 1_000;
/** Nodes in the fleet. */
export const maxNodes = 20_000;
/** Agents in one assignment: a GPU box serves thousands. */
export const maxAgentsPerNode = 10_000;
/** Models a node reports. */
export const maxModelsPerNode = 200;
/** Tokens a second of one model. A prompt that a server has in its cache seems to be read at some millions. */
export const maxTokensPerS = 1e9;
/** Loading a model, milliseconds: a day. Hundreds of gigabytes from a slow disk take an hour. */
export const maxLoadMs = 86_400_000;
/** Models that a node fetches, waits to fetch or failed to fetch: at most 16 wait on it. */
export const maxFetchesShown = 32;
/** Pinned models of one node: all of them are sent in one small message. */
export const maxPinsPerNode = 50;
/** Pins of the fleet, over all nodes and classes: more than a person keeps in mind. */
export const maxPins = 1000;
/** Nodes of one order to fetch, stop, remove or pin a model: their answers are waited for together. */
export const maxNodesPerModelOrder = 200;
/** Rows of each list in the answer to a what-if: a person reads some, a picture needs the nodes. */
export const maxWhatIfRows = 1_000;
/** Labels on a node or in a selector. */
export const maxLabels = 32;
/** Exchanges of a conversation in one prompt: more than the context of any model at home holds. */
export const maxConversationTurns = 50;
/** Tools, triggers in one spec. */
export const maxToolsPerAgent = 32;
export const maxTriggersPerAgent = 16;
/** Pins that the owner of a node lists: a Pi has 28 on its header. */
export const maxBoardPins = 32;
/** Sensors of a node, each of which is a file of the kernel. */
export const maxBoardSensors = 16;
/** Attempts after which a task is a dead letter. */
export const maxAttempts = 10;
/** Longest deadline of a task, seconds: a week. */
export const maxDeadlineSeconds = 7 * 86_400;
/** Held tasks a node names in its hello. */
export const maxHeldTasks = 5_000;
/** Leases a heartbeat names: 33 bytes each, and heartbeats come from ten thousand nodes. */
export const maxHeldInHealth = 32;
/** Models whose load a heartbeat reports, about 70 bytes each: the memory of a machine seldom holds more at once. A server that reports
 * hundreds as loaded has requests for a few of them, and those come first. */
export const maxModelsInHealth = 16;
/** Requests of one model on one node: ten times the longest queue that can be set. A larger number of a server is reported as this one. */
export const maxRequestsPerModel = 100_000;

/** One request of the gateway to a model, as JSON: 128,000 tokens of text and some pictures. */
export const maxModelRequestBytes = 8 * 1024 * 1024;
/** Characters of one piece of such a request: escaped as JSON, at most six bytes each. */
export const maxPieceChars = 24_000;
/** Pieces of one request. */
export const maxRequestPieces = Math.ceil(maxModelRequestBytes / maxPieceChars);
/** Seconds that a provider may ask to be left alone; providers ask for minutes at most, and an hour without it would be noticed. */
export const maxRetryAfterS = 3_600;
/** Messages of one request: a coding agent makes some hundred calls of tools in one conversation. */
export const maxMessagesPerRequest = 4_000;
/** Tools of one request. Coding agents bring some dozens, with MCP servers a hundred. */
export const maxToolsPerRequest = 256;
/** Texts of one request for vectors: OpenAI's own limit. */
export const maxEmbedTexts = 2_048;
/** Answers of one request (`n`). Each takes a slot of the model. */
export const maxAnswersPerRequest = 8;
/** Requests of the gateway under way. Each has a socket and some kilobytes. */
export const maxModelRequests = 4_000;
/** Requests of one key under way: an eighth, so that one program cannot keep the others out. */
export const maxModelRequestsPerKey = 500;
/** Model servers of one node. */
export const maxModelServers = 16;
/** Requests of the gateway that a node works on or holds in pieces; more are refused as `overloaded`. */
export const maxModelRequestsPerNode = 1_000;
/** Bytes of pieces of requests that are not whole yet, on one node. */
export const maxPieceBytesPerNode = 4 * maxModelRequestBytes;

/** One file of a client: the requests of a batch, or their answers. It is written to the disk as it comes. */
export const maxFileBytes = 100 * 1024 * 1024;
/** All files of clients together. */
export const maxFilesBytes = 4 * 1024 * 1024 * 1024;
/** Files of one key. */
export const maxFilesPerKey = 1_000;
/** Requests of one batch: OpenAI's own limit. */
export const maxBatchRequests = 50_000;
/** Batches of one list for people. */
export const maxBatchesShown = 1_000;
/** Batches that are not over, of one key and of the fleet. */
export const maxOpenBatchesPerKey = 20;
export const maxOpenBatches = 100;
/** The archive of one release, which has Node in it: four times what it has today. */
export const maxReleaseBytes = 256 * 1024 * 1024;
/** release.json, which names every file of a release with its hash: ten times what it has today. */
export const maxReleaseManifestBytes = 1024 * 1024;
/** Images for Raspberry Pi that a coordinator keeps, and the bytes of one as people fetch it: one that brings Ollama has 1.5 GB. */
export const maxKeptImages = 4;
export const maxImageBytes = 2 * 1024 * 1024 * 1024;
/** One part of an image that is being brought: it comes within the 30 s of a request over 1.2 Mbit a second. */
export const maxImagePartBytes = 4 * 1024 * 1024;
/** Images that are being brought at the same time, and how long one is waited for after its last part. */
export const maxComingImages = 2;
export const comingImageMs = 15 * 60_000;
/** What an image says of itself beside it has 2 KB. */
export const maxImageManifestBytes = 64 * 1024;
/** Downloads of images at the same time, and those of one principal: each is a disk and a network for minutes. */
export const maxImageReaders = 8;
export const maxImageReadersEach = 2;
/** Personal files that wait for their download to begin, those of one principal, and for how long: a browser begins at once. */
export const maxPersonalImages = 32;
export const maxPersonalImagesEach = 4;
export const personalImageMs = 60_000;
/** A personal file, on the card and everywhere else. More than any such file has. */
export const maxPersonalFileBytes = 64 * 1024;
/** The same as a text in JSON: line ends and quotes take two bytes there. */
export const maxPersonalFileBodyBytes = 160 * 1024;
/** Releases that a coordinator keeps, and their bytes together: two products for two architectures in sixteen versions. */
export const maxReleases = 64;
export const maxReleasesBytes = 8 * 1024 * 1024 * 1024;
/** Downloads of releases at once, and of one machine: each has a piece in memory, and its encryption is work of the event loop. */
export const maxReleaseReaders = 32;
export const maxReleaseReadersEach = 2;
/** A step of a Pi's first start in words: a line on the console. */
export const maxFirstBootTextChars = 300;
/** Join tokens whose Pis are remembered in their first start, Pis of one, and reports of one in a minute: a bench of a hundred Pis. */
export const maxFirstBootTokens = 200;
export const maxFirstBootsPerToken = 100;
export const maxFirstBootReportsPerMinute = 600;
/** Files with public keys that releases may be signed by. */
export const maxReleaseKeys = 16;
/** The reason in a close frame of a WebSocket [RFC 6455 5.5]. */
export const maxCloseBytes = 123;
/** One frame of a node's channel for requests: a message and its topic. */
export const maxChannelFrameBytes = maxPieceChars * 6 + 16 * 1024;
/** Bytes that wait in a node's channel for requests, in either direction: a peer that reads slower than that loses it. */
export const maxChannelBacklogBytes = 4 * maxModelRequestBytes;
/** US dollars of a budget: more than any fleet of a house or a company spends; sums of it keep their cents. */
export const maxBudgetUsd = 1e9;

/** Rows of one page of any list. */
export const maxPageRows = 1_000;
/** Messages in a node's outbox on disk. When it is full, the oldest perishable ones are dropped; results and memories never are. */
export const maxOutboxMessages = 50_000;
/** Memory entries in one batch (also bounded by bytes). */
export const maxMemoryBatchEntries = 64;
/** Memories that one question of an agent brings, and the letters of it that are compared. */
export const maxRecalled = 50;
export const maxRecallQuestionChars = 2_000;
/** Questions of agents to the memories of others that the coordinator looks up at a time: each takes a reader some milliseconds. */
export const maxSharedRecalls = 32;
/** Hashes from a leaf of a Merkle tree to its root: a tree of `maxOrdinal` leaves has 40 levels. */
export const maxProofSteps = 40;
/** Signed checkpoints that a node keeps of one agent's memory, about 3 KB each: evidence, should the coordinator ever show another history. */
export const maxHeldCheckpoints = 8;
/** Signed checkpoints that the coordinator keeps: a week of one every ten minutes. */
export const maxCheckpoints = 1_000;
/** Memories that one message erases: their hashes take 67 KB. An erasure of more is several. */
export const maxErasedAtOnce = 1_000;
/** Erasures in the fleet, about 250 bytes each in memory. They are kept for ever: a node that is restored from an old copy is told again. */
export const maxErasures = 100_000;
/** Vector length of any common embedding model (BGE-M3 1,024; OpenAI large 3,072). */
export const maxVectorDimension = 4_096;

/** The CONNECT packet, before the client is authenticated: a will of a small message, an id and a key. */
export const maxConnectPacketBytes = 20 * 1024;
/** MQTT connections at once: every node, and people's tools. One idle connection costs about 22 KB. */
export const maxMqttConnections = maxNodes + 2_000;
/** MQTT connections not yet authenticated ("strangers"). Each costs a socket; when a fleet returns, 300 a second are authenticated. */
export const maxMqttStrangers = 10_000;
/** Strangers of one address. More than are served in the 10 s that a node waits for its handshake; a fleet may be behind one router. */
export const maxMqttStrangersPerAddress = 4_000;
/** Strangers of one network (/24 in IPv4, /64 in IPv6). */
export const maxMqttStrangersPerSubnet = 6_000;
/** HTTPS connections at once. */
export const maxHttpConnections = 5_000;
/** Connections that the kernel keeps until the coordinator accepts them; the system may allow fewer. Beyond them it resets clients. */
export const maxListenBacklog = 4_096;
/** HTTPS connections that have not yet sent an accepted key or session. */
export const maxHttpStrangers = 3_000;
/** Strangers on HTTPS from one address. A browser opens six. */
export const maxHttpStrangersPerAddress = 1_000;
/** Strangers on HTTPS from one network (/24 in IPv4, /64 in IPv6). */
export const maxHttpStrangersPerSubnet = 1_500;
/** Strangers, on MQTT and on HTTPS each, for which a TLS state and a parser are held: about 100 KB each. */
export const maxBegunStrangers = 2_000;
/** Strangers with a TLS state from one address. */
export const maxBegunStrangersPerAddress = 500;
/** Strangers with a TLS state from one network (/24 in IPv4, /64 in IPv6). */
export const maxBegunStrangersPerSubnet = 1_000;
/** TLS handshakes at once. One takes 3 ms of CPU and 76 KB; more at once only delay all of them. */
export const maxTlsHandshakes = 64;
/** Connects of one client (a node, or a client id of a key) over MQTT in a minute; then it has to wait for the rest of the minute. A node
 * whose connection is cut after each connect tries some fifteen times, and so do two nodes with one identity before that is detected. */
export const maxConnectsPerMinute = 30;
/** Connects of all clients of one key together in a minute: some hundred small devices may share a key. */
export const maxConnectsPerKeyPerMinute = 600;
/** MQTT packets that one connection may send at once: as many as wait in a node's outbox after hours without the coordinator. */
export const maxPacketsAtOnce = 20_000;
/** MQTT packets of one connection a second after those; a faster one is read more slowly. A hundred streamed answers make 2,000 chunks. */
export const maxPacketsPerSecond = 2_000;
/** Subscriptions of one connection. A node needs two, Home Assistant two for each node that it shows, and some dozens. */
export const maxSubscriptionsPerConnection = 5_000;
/** Unread bytes towards one connection; above it the connection is cut. A snapshot of 10,000 agents takes 10 MiB. */
export const maxMqttBacklogBytes = 16 * 1024 * 1024;
/** QoS 2 messages begun and not finished on one connection; we use none, Home Assistant may. */
export const maxQos2InFlight = 20;
/** Events that the messages of one node may write at once: half of those that a console gets at first. An honest node writes a few a day;
 * one whose agents all fail writes one for each, and beyond a hundred the list of agents shows the same. */
export const maxNodeEventsAtOnce = 100;
/** Events that the messages of one node may write a minute after those. */
export const maxNodeEventsPerMinute = 20;
/** Ends of a node's own tasks and entries of its branches that the coordinator accepts of one node at once. The node keeps those not
 * accepted, so the bound only keeps the flood of one node from delaying others: after days alone a machine sends all its work at once. */
export const maxNodeRecordsAtOnce = 5_000;
/** Ends and entries accepted of one node a minute after those: a GPU box with a thousand agents, each with a trigger a minute, fits. */
export const maxNodeRecordsPerMinute = 1_200;
/** Messages that wait for an external broker to return. */
export const maxBusQueueMessages = 20_000;
/** Bytes of the messages that wait for an external broker. */
export const maxBusQueueBytes = 64 * 1024 * 1024;

/** Failed sign-ins and joins per address and minute: slows guessing; tokens have 128 bits anyway. */
export const maxRefusalsPerMinute = 30;
/** API requests per key and minute. A console polls only charts, keys, usage and the log of a node; scripts submit batches. */
export const maxRequestsPerMinute = 6_000;
/** Models of nodes that have their own rows in `/metrics`, four figures each, those of the first nodes: with ten thousand nodes a scrape
 * then takes 4 ms more of the loop. The others are summed up by model under node `*`. */
export const maxModelRows = 256;
/** Names of models that have their own row there; the others are summed up under model `*`. */
export const maxModelRowsSummed = 200;
/** Budgets that have their own rows in `/metrics`, three figures for each limit: the fullest ones. */
export const maxBudgetRows = 200;
/** Live consoles. Each costs a socket and shares one serialised delta. */
export const maxFeedConsoles = 200;
/** Channels of one console: the tables, and some nodes, agents and tasks that are open beside each other. */
export const maxFeedChannels = 24;
/** Rows of one part of a snapshot: about 3 ms to make, so that neither side is blocked for long. */
export const maxFeedSnapshotRows = 1_000;
/** Changed rows of one delta; more wait for the next, a quarter second later: keeps a step of the loop below 20 ms. */
export const maxFeedDeltaRows = 2_500;
/** Bytes of deltas kept of each channel for consoles that reconnect; a console that missed more gets a snapshot. */
export const maxFeedRingBytes = 4 * 1024 * 1024;
/** Tasks and events that a console gets at first; the API has the rest. */
export const maxFeedRecentRows = 200;
/** New tasks or events of one frame; at thousands a second nobody reads them. */
export const maxFeedNewRows = 100;
/** Alerts at once. Troubles of one kind and site are one alert already; more kinds than this have one cause. */
export const maxAlerts = 200;
/** Nodes or agents that an alert names; its count is whole. */
export const maxAlertNames = 20;
/** Nodes that a model of the catalogue names. */
export const maxCatalogueNodes = 100;
/** Nodes of one bulk change: one decision, a few milliseconds. */
export const maxNodesPerBulk = 1_000;
/** Console sessions in all; the oldest is removed first. Signing in creates them; the bound only stops a program that does so in a loop. */
export const maxSessions = 2_000;
/** Conversations of one person; the next one is refused until one is deleted. */
export const maxConversationsPerOwner = 500;
/** Conversations in the fleet: each takes about 400 bytes of the coordinator's memory, its tasks are in the store alone. */
export const maxConversations = 20_000;
/** Tasks of one conversation, with those of edited messages. All of them are read when it is opened. */
export const maxTasksPerConversation = 200;
/** Characters of the title of a conversation. */
export const maxTitleChars = 120;
/** Characters of all questions, answers and pictures of one conversation. */
export const maxConversationChars = 4 * 1024 * 1024;
/** Nodes or agents of one rollout: the largest fleet. */
export const maxRolloutSubjects = 100_000;
/** Rows of all rollouts that are kept, about 400 bytes each in memory: those of the oldest ended ones go. */
export const maxRolloutRows = 120_000;
/** Rollouts that are kept; the oldest ended ones go. */
export const maxRollouts = 50;
/** Waves of one rollout. Each takes a soak time; more than this is a schedule. */
export const maxRolloutWaves = 20;
/** Names in a selection, a wave or an answer; classes and labels select more. */
export const maxRolloutNames = 1_000;
/** Windows of one rollout: two a day. */
export const maxRolloutWindows = 14;
/** Seconds of a soak, or of the patience with a node: a month. */
export const maxRolloutSeconds = 30 * 86_400;
/** Nodes that one decision tells about a rollout; the rest follows a second later. */
export const maxRolloutOrdersAtOnce = 200;
/** Packages of one machine that wait for an update: as many as Debian has. */
export const maxPendingUpdates = 100_000;
/** Balena fleets that a coordinator looks after: one for each kind of device. */
export const maxBalenaFleets = 8;
/** Devices of all of them: each node may be one, and as many more wait to join. */
export const maxBalenaDevices = 2 * maxNodes;
/** Releases of each of them that are known, the newest ones: a release a day for half a year. */
export const maxBalenaReleases = 200;
/** Releases of a fleet that its line names. */
export const maxBalenaShown = 5;
/** Devices of one order to import: each takes balena four requests. */
export const maxBalenaImports = 20;
/** Days of usage kept: a year, with room to compare. */
export const maxUsageDays = 400;
/** Rows of usage of one day: agents times models times nodes that really worked; further usage is counted without its agent. */
export const maxUsageRowsPerDay = 50_000;
/** Past attempts that a task keeps for its timeline: refused leases use up no attempt and may be many. */
export const maxPastAttempts = 20;
/** Bytes a slow console may leave unread before it is cut off (it reconnects and gets a snapshot). */
export const maxFeedBacklogBytes = 4 * 1024 * 1024;
/** Backups that a list shows; the folder may hold more. */
export const maxShownBackups = 500;
/** Public keys of age that one backup is encrypted to: each adds a few hundred bytes and an exchange of keys. */
export const maxAgeRecipients = 20;
/** A key of age that withstands quantum computers has about 2,000 characters. */
export const maxAgeRecipientChars = 4_000;
/** Agents, nodes and memories that the report of a restore names. */
export const maxRestoreRows = 20_000;
/** The most that a spec may allow. */
export const maxMemoriesPerAgent = 10_000_000;
