// The word in an address of the chat for the list of all that an agent was asked, in place of the id of a conversation.
export const everything = 'all';
