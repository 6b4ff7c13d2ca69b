// Routes of conversations: one's own, and reading what others share. A message of a conversation is submitted like any task (`ask`).
import { ConversationEdit, ConversationOpen, ConversationView, ConversationWhole } from '../conversation.ts';
import { AgentName, ConversationId } from '../ids.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

const params = Type.Object({ conversation: ConversationId });

export const conversationRoutes = {
  conversations: route({
    method: 'GET',
    path: '/v1/conversations',
    needs: 'conversations:read',
    text: "The caller's own conversations, the one with the newest message first.",
    query: Type.Object({ agent: Type.Optional(AgentName) }),
    answer: Type.Array(ConversationView),
  }),
  conversationOpen: route({
    method: 'POST',
    path: '/v1/conversations',
    needs: 'conversations:write',
    text: 'Begins a conversation with an agent. Its messages are tasks: submit them with `conversation`.',
    body: ConversationOpen,
    answer: ConversationView,
    created: true,
  }),
  conversation: route({
    method: 'GET',
    path: '/v1/conversations/:conversation',
    needs: 'conversations:read',
    text: 'One conversation with its tasks: of the caller, or shared.',
    params,
    answer: ConversationWhole,
  }),
  conversationEdit: route({
    method: 'PUT',
    path: '/v1/conversations/:conversation',
    needs: 'conversations:write',
    text: 'Names a conversation, shares it, or ends the sharing.',
    params,
    body: ConversationEdit,
    answer: ConversationView,
  }),
  conversationDelete: route({
    method: 'DELETE',
    path: '/v1/conversations/:conversation',
    needs: 'conversations:write',
    text: 'Deletes a conversation. Its tasks stay in the history for as long as others, and the agent keeps what it remembers.',
    params,
  }),
};
