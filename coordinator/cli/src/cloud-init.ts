// The file that makes a new machine join by itself: cloud-init runs the one line at its first start. In: the line and what is to be said of its
// token. Out: the file's text. Pure.

/** A coordinator that is away is asked again for five minutes and more. */
const tries = 20;
const restSeconds = 15;

interface CloudInit {
  /** The one line of a join token. */
  command: string;
  /** When the token ends. */
  until: string;
  /** How many machines may join with it, in words. */
  machines: string;
  /** What it needs to work. */
  needs: string;
}

export function cloudInitFile({ command, until, machines, needs }: CloudInit): string {
  const notes = [
    'A machine that starts with this as its user-data joins the fleet by itself.',
    `Its token is valid until ${until}, for ${machines}: until then whoever has this file can join a machine.`,
    needs,
  ];
  return `#cloud-config
${notes.map((note) => `# ${note}`.trimEnd()).join('\n')}
runcmd:
  - |
    (
      try=1
      until { ${command}; }; do
        [ $try -lt ${tries} ] || { echo 'This machine did not join the BlackRoad fleet; the reason is above.' >&2; exit 1; }
        try=$((try + 1))
        sleep ${restSeconds}
      done
    )
`;
}
