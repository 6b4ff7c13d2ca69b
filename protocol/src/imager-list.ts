// Images as the list that Raspberry Pi Imager reads (`os_list`, versions 1.8 to 2.x): the coordinator serves it, and the CLI writes it beside an
// image. Its form is published with Imager. In: images, and where Imager finds them. Out: that list. Pure.
import type { FleetImage } from './image.ts';

interface ImagerPlaces {
  urlOf(image: FleetImage): string;
  icon: string;
}
interface ImagerDevice {
  name: string;
  description: string;
  tags: string[];
  matching_type: 'exclusive' | 'inclusive';
  architecture?: 'armv8';
  default?: boolean;
}
interface ImagerSystem {
  name: string;
  description: string;
  icon: string;
  url: string;
  extract_size: number;
  extract_sha256: string;
  image_download_size: number;
  image_download_sha256: string;
  release_date: string;
  devices: string[];
  init_format: 'cloudinit';
  architecture: 'armv8';
}
interface ImagerList {
  imager: { devices: ImagerDevice[] };
  os_list: ImagerSystem[];
}

/** Without a list of devices Imager 1.9 and 2.x show none to choose, and go no further. */
function devicesOf(images: readonly FleetImage[]): ImagerDevice[] {
  const names = new Map<string, Set<string>>();
  for (const { manifest } of images)
    for (const { imager, name, isExperimental } of manifest.boards) {
      const known = names.get(imager) ?? new Set();
      names.set(imager, known.add(`${name}${isExperimental ? ' (experimental)' : ''}`));
    }
  const boards = [...names].map(
    ([tag, found]): ImagerDevice => ({
      name: [...found].map((name) => name.replace(/^Raspberry Pi /, '')).join(', '),
      description: [...found].join(', '),
      tags: [tag],
      matching_type: 'exclusive',
      architecture: 'armv8',
    }),
  );
  const all: ImagerDevice = {
    name: 'Any Raspberry Pi',
    description: 'Shows every image',
    tags: [],
    matching_type: 'inclusive',
    default: true,
  };
  return [all, ...boards];
}

export function imagerList(images: readonly FleetImage[], { urlOf, icon }: ImagerPlaces): ImagerList {
  return {
    imager: { devices: devicesOf(images) },
    os_list: images.map((each) => {
      const { version, image, download, boards, built, initFormat, nodeAgent } = each.manifest;
      return {
        name: `BlackRoad Fleet ${version}`,
        description: `Joins the fleet at its first start; node-agent ${nodeAgent.version}`,
        icon,
        url: urlOf(each),
        extract_size: image.bytes,
        extract_sha256: image.sha256,
        image_download_size: download.bytes,
        image_download_sha256: download.sha256,
        release_date: built.slice(0, 10),
        devices: [...new Set(boards.map(({ imager }) => imager))],
        init_format: initFormat,
        architecture: 'armv8',
      };
    }),
  };
}
