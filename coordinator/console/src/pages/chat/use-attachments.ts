// What goes along with the message that is being written: text files, and pictures where the agent's model sees. Each refusal says why.
import type { AgentView } from '@blackroad/protocol';
import { maxPromptBytes, maxTaskImageChars, maxTaskImages } from '@blackroad/protocol/limits';
import { useRef, useState } from 'react';
import { call } from '../../data/api.ts';
import { keyOf, queries } from '../../data/query.ts';
import { bytes, wordsOf } from '../../kit/words.ts';
import { type AttachedFile, textOf } from './attached.ts';
import { encodePicture } from './picture.ts';

interface Numbered {
  /** Two files may have one name. */
  id: number;
}
interface AttachedPicture extends Numbered {
  name: string;
  file: Blob;
  /** For the page alone, in base64; what is sent is made when all pictures are known. */
  preview: string;
}
export interface Attachments {
  files: readonly (AttachedFile & Numbered)[];
  pictures: readonly AttachedPicture[];
  problems: readonly string[];
  add(given: Iterable<File>): Promise<void>;
  drop(id: number): void;
  clear(): void;
  /** The pictures as they are sent: all of them together fit a message. */
  encoded(): Promise<string[]>;
}

/** Whether the model of the agent takes pictures; undefined: its server does not tell, or the agent is on no node. */
async function modelSees({ node, model }: AgentView): Promise<boolean | undefined> {
  if (node === null || model === null) return undefined;
  const params = { node };
  const read = () => call('node', { params });
  const view = await queries.fetchQuery({ queryKey: keyOf('node', { params }), queryFn: read, staleTime: 10_000 });
  return view.capacity?.models.find(({ name }) => name === model)?.sees;
}

export function useAttachments(agent: AgentView): Attachments {
  const [files, setFiles] = useState<Attachments['files']>([]);
  const [pictures, setPictures] = useState<readonly AttachedPicture[]>([]);
  const next = useRef(0);
  const [problems, setProblems] = useState<readonly string[]>([]);

  const addPicture = async (file: File, sees: Promise<boolean | undefined>, isFull: boolean) => {
    if ((await sees) === false) throw new Error(`${agent.name} runs with ${agent.model}, which takes no pictures`);
    if (isFull) throw new Error(`a message takes ${maxTaskImages} pictures at most`);
    const preview = await encodePicture(file, maxTaskImageChars);
    setPictures((was) => [...was, { id: next.current++, name: file.name || 'picture', file, preview }]);
  };
  const addText = async (file: File) => {
    // Four bytes make one character at most.
    if (file.size > 4 * maxPromptBytes)
      throw new Error(`it has ${bytes(file.size)}; a message has ${bytes(maxPromptBytes)} at most`);
    const text = textOf(new Uint8Array(await file.arrayBuffer()));
    if (text === null) throw new Error('it is neither text nor a picture');
    setFiles((was) => [...was, { id: next.current++, name: file.name || 'text', text }]);
  };
  return {
    files,
    pictures,
    problems,
    async add(given) {
      const found: string[] = [];
      const sees = modelSees(agent).catch(() => undefined);
      let count = pictures.length;
      for (const file of given) {
        try {
          if (/^image\/(png|jpeg|webp|gif|bmp|avif)$/.test(file.type))
            await addPicture(file, sees, count++ >= maxTaskImages);
          else await addText(file);
        } catch (error) {
          found.push(`${file.name || 'What was pasted'}: ${wordsOf(error)}.`);
        }
      }
      setProblems(found);
    },
    drop(id) {
      setFiles((was) => was.filter((each) => each.id !== id));
      setPictures((was) => was.filter((each) => each.id !== id));
      setProblems([]);
    },
    clear() {
      setFiles([]);
      setPictures([]);
      setProblems([]);
    },
    encoded: () =>
      Promise.all(pictures.map(({ file }) => encodePicture(file, Math.floor(maxTaskImageChars / pictures.length)))),
  };
}
