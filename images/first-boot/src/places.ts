// Where things lie on a Pi of the image. The build of the image, its units and the first boot agree on these.
export const places = {
  /** The FAT partition, which every computer reads. */
  boot: '/boot/firmware',
  state: '/var/lib/blackroad-first-boot',
  result: 'blackroad-result.txt',
  hosts: '/etc/hosts',
  hostName: '/etc/hostname',
  users: '/etc/passwd',
  wifi: '/etc/wpa_supplicant/wpa_supplicant-wlan0.conf',
  wifiAddress: '/etc/systemd/network/60-blackroad-wlan0.network',
  sudo: '/etc/sudoers.d/blackroad',
  ssh: '/etc/ssh/sshd_config.d/10-blackroad.conf',
  sshKeys: '/etc/blackroad/ssh-keys',
  /** The image's nftables.conf includes these inside of its chain `input`. */
  sshOpening: '/etc/nftables.d/input-ssh.nft',
  /** The unit that installs Ollama looks for it. */
  ollama: '/etc/blackroad/ollama-wanted',
  /** The initramfs looks for it; the program `blackroad-read-only` makes and removes it. */
  readOnly: '/etc/blackroad/read-only',
  /** Where the system is read-only, the root on the card lies below this one, and what is written above it is gone with the power. */
  rootOnCard: '/media/root-ro',
  leds: '/sys/class/leds',
  node: '/opt/blackroad-node/current/bin/fleet-node',
  nodeData: '/var/lib/blackroad-node',
  nodeUser: 'blackroad-node',
} as const;

export const units = {
  node: 'blackroad-node.service',
  wifi: 'wpa_supplicant@wlan0.service',
  ssh: 'ssh.service',
  ollama: 'blackroad-ollama.service',
  ollamaServer: 'ollama.service',
  firewall: 'nftables.service',
} as const;
