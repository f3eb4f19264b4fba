//! Metadata of version 16 as its runtime would have told it in version 15.

use frame_metadata::{v15, v16};
use scale_info::form::PortableForm;
use scale_info::{PortableType, Type, TypeDefTuple};
use subxt::ext::frame_metadata;

/// The same description without what version 15 has no words for.
pub fn from_v16(metadata: v16::RuntimeMetadataV16) -> v15::RuntimeMetadataV15 {
    let v16::RuntimeMetadataV16 { mut types, pallets, extrinsic, apis, outer_enums, custom } = metadata;
    let extensions = extrinsic.transaction_extensions.iter().map(|extension| extension.ty);
    let extra: Type<PortableForm> = TypeDefTuple::new_portable(extensions).into();
    let extra_id = types.types.len() as u32;
    types.types.push(PortableType { id: extra_id, ty: extra });
    let outer = v15::OuterEnums {
        call_enum_ty: outer_enums.call_enum_ty,
        event_enum_ty: outer_enums.event_enum_ty,
        error_enum_ty: outer_enums.error_enum_ty,
    };
    v15::RuntimeMetadataV15 {
        types,
        pallets: pallets.into_iter().map(pallet).collect(),
        extrinsic: v15::ExtrinsicMetadata {
            version: extrinsic.versions[0],
            address_ty: extrinsic.address_ty,
            call_ty: extrinsic.call_ty,
            signature_ty: extrinsic.signature_ty,
            extra_ty: extra_id.into(),
            signed_extensions: extrinsic
                .transaction_extensions
                .into_iter()
                .map(|extension| v15::SignedExtensionMetadata {
                    identifier: extension.identifier,
                    ty: extension.ty,
                    additional_signed: extension.implicit,
                })
                .collect(),
        },
        // The type of the runtime itself; nothing is read by it.
        ty: extra_id.into(),
        apis: apis.into_iter().map(api).collect(),
        outer_enums: outer,
        custom: v15::CustomMetadata {
            map: custom
                .map
                .into_iter()
                .map(|(name, value)| (name, v15::CustomValueMetadata { ty: value.ty, value: value.value }))
                .collect(),
        },
    }
}

fn pallet(pallet: v16::PalletMetadata<PortableForm>) -> v15::PalletMetadata<PortableForm> {
    v15::PalletMetadata {
        name: pallet.name,
        storage: pallet.storage.map(|storage| v15::PalletStorageMetadata {
            prefix: storage.prefix,
            entries: storage
                .entries
                .into_iter()
                .map(|entry| v15::StorageEntryMetadata {
                    name: entry.name,
                    modifier: entry.modifier,
                    ty: entry.ty,
                    default: entry.default,
                    docs: entry.docs,
                })
                .collect(),
        }),
        calls: pallet.calls.map(|calls| v15::PalletCallMetadata { ty: calls.ty }),
        event: pallet.event.map(|event| v15::PalletEventMetadata { ty: event.ty }),
        constants: pallet
            .constants
            .into_iter()
            .map(|constant| v15::PalletConstantMetadata {
                name: constant.name,
                ty: constant.ty,
                value: constant.value,
                docs: constant.docs,
            })
            .collect(),
        error: pallet.error.map(|error| v15::PalletErrorMetadata { ty: error.ty }),
        index: pallet.index,
        docs: pallet.docs,
    }
}

fn api(api: v16::RuntimeApiMetadata<PortableForm>) -> v15::RuntimeApiMetadata<PortableForm> {
    v15::RuntimeApiMetadata {
        name: api.name,
        methods: api
            .methods
            .into_iter()
            .map(|method| v15::RuntimeApiMethodMetadata {
                name: method.name,
                inputs: method
                    .inputs
                    .into_iter()
                    .map(|input| v15::RuntimeApiMethodParamMetadata { name: input.name, ty: input.ty })
                    .collect(),
                output: method.output,
                docs: method.docs,
            })
            .collect(),
        docs: api.docs,
    }
}
